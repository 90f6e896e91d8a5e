#!/bin/sh
# kb_tests run @run@, role proxy: SSH with a known host key, and Redis for the control channel.
umask 077
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
say() { { echo "kb: $*" >/dev/console; } 2>/dev/null || echo "kb: $*"; }
die() { say "failed: $*"; exit 1; }
write() { cat >"$1.new" && mv "$1.new" "$1"; }
@packages@
# --- SSH: our host key, and a user who can do nothing but reach Redis.
command -v sshd >/dev/null || die "sshd is not installed in this image"
mkdir -p /etc/ssh /run/sshd
chmod 755 /run/sshd
write /etc/ssh/ssh_host_ed25519_key <<'KB_END'
@host_key@
KB_END
echo '@host_public@' >/etc/ssh/ssh_host_ed25519_key.pub
nologin=$(command -v nologin || command -v false)
id @user@ >/dev/null 2>&1 || useradd -m -s "$nologin" @user@ || adduser -D -s "$nologin" @user@ ||
    die "the user @user@ cannot be made"
usermod -p '*' @user@ || sed -i 's/^@user@:!*:/@user@:*:/' /etc/shadow
home=$(awk -F: '$1 == "@user@" { print $6 }' /etc/passwd)
mkdir -p "$home/.ssh"
echo '@authorized@' >"$home/.ssh/authorized_keys"
chown -R @user@ "$home"
chmod go-w "$home"
command -v restorecon >/dev/null && restorecon -R /etc/ssh "$home/.ssh"

if ! grep -q '^Match User @user@$' /etc/ssh/sshd_config; then
    cp -p /etc/ssh/sshd_config /etc/ssh/sshd_config.kb
    printf '\nMatch User @user@\n    AllowTcpForwarding local\n    X11Forwarding no\n' >>/etc/ssh/sshd_config
    sshd -t || mv /etc/ssh/sshd_config.kb /etc/ssh/sshd_config
fi

shows_our_key() { ssh-keyscan -T 3 -t ed25519 127.0.0.1 2>/dev/null | grep -qF "$(cut -d ' ' -f 2 /etc/ssh/ssh_host_ed25519_key.pub)"; }
reload_ssh() {
    pid=$(cat /run/sshd.pid 2>/dev/null)
    if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = sshd ]; then
        kill -HUP "$pid"
    elif [ -d /run/systemd/system ]; then
        systemctl restart ssh 2>/dev/null || systemctl restart sshd
    elif [ "$1" -gt 10 ]; then
        "$(command -v sshd)"
    fi
}
(
    try=0
    until shows_our_key; do
        try=$((try + 1))
        [ $try -gt 100 ] && die "sshd does not show our host key"
        reload_ssh $try
        sleep 0.2
    done
    say "ssh ready"
) &
ssh_check=$!

# --- Redis: streams for one run, two users, nothing on disk.
redis=$(command -v redis-server || command -v valkey-server) || die "redis-server is not installed in this image"
"$redis" --version | grep -Eq 'v=([7-9]|[1-9][0-9])\.' || die "redis-server 7 or valkey is needed: $("$redis" --version)"
mkdir -p /var/lib/kb-proxy && cd /var/lib/kb-proxy || exit 1
write users.acl <<'KB_END'
@acl@
KB_END
half=$(awk '/^MemTotal:/ { print int($2 / 2) }' /proc/meminfo)
[ "$half" -gt 1048576 ] && half=1048576
write redis.conf <<KB_END
@redis_conf@
maxmemory ${half}kb
KB_END
as_redis=
if id redis >/dev/null 2>&1 && setpriv --reuid=redis --regid=redis --init-groups true 2>/dev/null; then
    as_redis='setpriv --reuid=redis --regid=redis --init-groups'
    chown -R redis /var/lib/kb-proxy
fi
ulimit -n 1048576 2>/dev/null || ulimit -n "$(ulimit -H -n)"
{ echo 65535 >/proc/sys/net/core/somaxconn; } 2>/dev/null
# It ends at once while the address is not there yet.
setsid sh -c 'while :; do '"$as_redis $redis"' redis.conf; sleep 0.5; done' </dev/null >>/var/log/kb-redis.log 2>&1 &
say "redis started"
wait "$ssh_check"
