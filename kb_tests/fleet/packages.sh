
# --- Packages that this image lacks. A mirror, or apt's lock, may need some time.
lacking() { for pair; do command -v "${pair%%=*}" >/dev/null || printf ' %s' "${pair#*=}"; done; }
add() {
    if command -v apt-get >/dev/null; then
        apt-get -q update &&
            apt-get -q -y -o DPkg::Lock::Timeout=120 --no-install-recommends install "$@"
    elif command -v dnf >/dev/null; then
        dnf -y --setopt=install_weak_deps=False install "$@"
    elif command -v zypper >/dev/null; then
        zypper -n install --no-recommends "$@"
    elif command -v apk >/dev/null; then
        apk add --no-cache "$@"
    else
        echo "there is no apt-get, dnf, zypper or apk"
        return 1
    fi
}
install() {
    wanted=$(lacking "$@")
    [ -z "$wanted" ] && return
    say "installing$wanted"
    export DEBIAN_FRONTEND=noninteractive LC_ALL=C
    # What Debian starts by itself would hold ports that are ours.
    policy=/usr/sbin/policy-rc.d
    if [ -e $policy ]; then policy=; else printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy; fi
    for pause in 0 5 15 30 60 60; do
        sleep $pause
        # shellcheck disable=SC2086
        told=$(add $wanted 2>&1) && break
        told=$(echo "$told" | grep -iE '^e:|error|unable|no match|not found|there is no' || echo "$told")
        told=$(echo "$told" | grep -v '^ *$' | tail -n 1 | cut -c 1-200)
        say "cannot install$wanted yet: $told"
    done
    [ -n "$policy" ] && rm -f $policy
    wanted=$(lacking "$@")
    [ -z "$wanted" ] || die "cannot install$wanted: $told"
    say "packages installed"
}
install @wanted@
