#!/bin/sh
# kb_tests run @run@, role @role@: start the agent and keep it running.
umask 077
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
say() { { echo "kb: $*" >/dev/console; } 2>/dev/null || echo "kb: $*"; }
die() { say "failed: $*"; exit 1; }
set_kernel() { { echo "$2" >"/proc/sys/$1"; } 2>/dev/null; :; }
@packages@
command -v python3 >/dev/null || die "python3 is not installed in this image"
mkdir -p /var/lib/kb-agent || die "/var/lib/kb-agent cannot be made"
cd /var/lib/kb-agent || exit 1

python3 -IS - <<'KB_END' || die "the agent cannot be unpacked"
@unpack@
KB_END

# user_data is for the first boot alone; a server that is rebooted under load has to come back.
boot=/var/lib/cloud/scripts/per-boot/kb-agent
[ "$0" = $boot ] || { mkdir -p ${boot%/*} && cp "$0" $boot && chmod 700 $boot; } 2>/dev/null

# The distribution's nginx may hold the port; the agent starts its own.
if [ @role@ = server ]; then
    [ -d /run/systemd/system ] && systemctl stop nginx 2>/dev/null
    pid=$(cat /run/nginx.pid 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = nginx ] && kill "$pid"
fi

set_kernel net/core/somaxconn 65535
set_kernel net/ipv4/tcp_max_syn_backlog 65535
set_kernel net/ipv4/ip_local_port_range "1024 65535"
set_kernel net/ipv4/tcp_fin_timeout 15
ulimit -n 1048576 2>/dev/null || ulimit -n "$(ulimit -H -n)"

setsid sh -c 'while :; do
    python3 -IS agent/__main__.py config.json && exit
    [ $? = 2 ] && exit
    sleep 2
done' </dev/null >>/var/log/kb-agent.log 2>&1 &
say "agent started"
