#!/bin/sh
# kb_tests run @run@, role @role@: start the agent and keep it running.
umask 077
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
say() { { echo "kb: $*" >/dev/console; } 2>/dev/null || echo "kb: $*"; }
die() { say "failed: $*"; exit 1; }
write() { cat >"$1.new" && mv "$1.new" "$1"; }
set_kernel() { { echo "$2" >"/proc/sys/$1"; } 2>/dev/null; :; }
@packages@
command -v python3 >/dev/null || die "python3 is not installed in this image"
mkdir -p /var/lib/kb-agent || die "/var/lib/kb-agent cannot be made"
cd /var/lib/kb-agent || exit 1

write config.json <<'KB_END'
@config@
KB_END
rm -rf agent && mkdir agent && base64 -d <<'KB_END' | gzip -d | tar -x -f - -C agent || die "the agent cannot be unpacked"
@bundle@
KB_END
# Compiled by a process that ends: what a compiler leaves behind would be a third of an idle agent's memory.
# Nothing is imported: to load ssl takes as long as to compile all of it.
find agent -name '*.py' -exec python3 -IS -c 'import sys
from importlib.machinery import SourceFileLoader
for path in sys.argv[1:]:
    SourceFileLoader("agent", path).get_code("agent")' {} +

# The distribution's nginx may hold the port; the agent starts its own.
if [ @role@ = server ]; then
    systemctl stop nginx 2>/dev/null
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
