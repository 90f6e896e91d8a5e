#!/bin/sh
# Brings what `make demo` needs, and with the argument `dev` what `make test` needs: the system packages of
# bindep.txt (those of PROFILE, too), and a virtual environment with this project in it. What is there already is left alone.
set -eu
cd "$(dirname "$0")"
PYTHON=${PYTHON:-}
VENV=${VENV:-.venv}
EXTRA=${1:-}

fail() {
    echo "setup: $*" >&2
    exit 1
}

is_installed() {
    # The nodejs of NodeSource has npm in it, and cannot be there beside Debian's package of that name.
    [ "$1" != npm ] || ! command -v npm >/dev/null || return 0
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# keep_off PACKAGE UNIT...: if we have just installed the package, its units do not start at the next boot.
keep_off() {
    package=$1
    shift
    case " $missing " in *" $package "*) ;; *) return ;; esac
    command -v systemctl >/dev/null || return 0
    for unit in "$@"; do
        $as_root systemctl -q disable "$unit" 2>/dev/null || true
    done
}

# The distribution's own Python comes first: every user of the machine can run what is made with it.
if [ -z "$PYTHON" ]; then
    PYTHON=python3
    /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && PYTHON=/usr/bin/python3
fi
command -v "$PYTHON" >/dev/null || fail "there is no $PYTHON. Name a Python 3.11 or newer: make PYTHON=python3.12"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "Python 3.11 or newer is needed, but $PYTHON is $("$PYTHON" -V 2>&1). Name another: make PYTHON=python3.12"

profiles='localcloud'
[ "$EXTRA" != dev ] || profiles="localcloud|test${PROFILE:+|$PROFILE}"
packages=$(sed -nE "s/^([a-z0-9.+-]+) \[platform:dpkg( ($profiles))?\]$/\1/p" bindep.txt)
missing=
if command -v dpkg-query >/dev/null; then
    for package in $packages; do
        is_installed "$package" || missing="$missing $package"
    done
else
    echo "setup: this is no Debian or Ubuntu; make sure that these are there:" $packages
fi
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; }; then
        as_root=sudo
    else
        fail "system packages are missing, and neither root nor sudo is at hand to install them." \
            "Ask an administrator for: apt-get install --no-install-recommends$missing"
    fi
    echo "setup: installing system packages:$missing"
    # Package daemons stay off: the local cloud starts its own, inside its own namespaces.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        trap '$as_root rm -f $policy' EXIT
        trap 'exit 1' INT TERM HUP
        printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
        $as_root chmod 755 $policy
    fi
    $as_root apt-get -q update >/dev/null || echo "setup: apt-get update failed; trying with the lists there are" >&2
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q install -y --no-install-recommends $missing >/dev/null
    keep_off nginx nginx.service
    keep_off redis-server redis-server.service
    keep_off openssh-server ssh.service ssh.socket
fi

stamp="$VENV/installed${EXTRA:+-$EXTRA}"
if [ ! "$stamp" -nt pyproject.toml ]; then
    echo "setup: installing Python packages into $VENV"
    [ -x "$VENV/bin/pip" ] || "$PYTHON" -m venv "$VENV"
    "$VENV/bin/pip" install -q --disable-pip-version-check -e ".${EXTRA:+[$EXTRA]}"
    touch "$VENV/installed" "$stamp"
fi
