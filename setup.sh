#!/bin/sh
# Brings what `make demo` and `make test` need: the system packages of bindep.txt, and a virtual
# environment with this project in it. What is there already is left alone.
set -eu
cd "$(dirname "$0")"
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}

fail() {
    echo "setup: $*" >&2
    exit 1
}

packages=$(sed -e 's/#.*//' -e '/\[/!d' -e 's/[[:space:]].*//' bindep.txt)
missing=
if command -v dpkg-query >/dev/null; then
    for package in $packages; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            missing="$missing $package"
    done
else
    echo "setup: this is no Debian or Ubuntu; make sure that these are there:" $packages
fi
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        as_root=sudo
    else
        fail "these system packages are missing, and neither root nor sudo is at hand to install them:" \
            "$missing. Ask an administrator for: apt-get install$missing"
    fi
    echo "setup: installing system packages:$missing"
    # Package daemons stay off: the local cloud starts its own, inside its own namespaces.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
        $as_root chmod 755 $policy
        trap '$as_root rm -f $policy' EXIT
    fi
    $as_root apt-get -q update >/dev/null
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q install -y --no-install-recommends $missing >/dev/null
fi

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "Python 3.11 or newer is needed, but $PYTHON is $("$PYTHON" -V 2>&1). Name another: make PYTHON=python3.12"

if [ ! "$VENV/installed" -nt pyproject.toml ]; then
    echo "setup: installing Python packages into $VENV"
    "$PYTHON" -m venv "$VENV"
    "$VENV/bin/pip" install -q --disable-pip-version-check -e '.[dev]'
    touch "$VENV/installed"
fi
