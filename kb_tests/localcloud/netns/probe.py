"""Whether this machine lets us run a cloud of namespaces, found out by doing it."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess

from kb_tests.localcloud.netns.link import namespace_command

_TIMEOUT = 20.0
_STEPS = (
    (
        "network devices",
        "ip link add b0 type bridge && ip link add v0 type veth peer name v1 && ip link set v0 master b0",
    ),
    (
        "packet filter",
        "nft add table bridge kb && nft add set bridge kb s "
        "'{ type ifname . ipv4_addr . inet_service; flags dynamic,timeout; timeout 1m; }'",
    ),
    (
        "layered file systems",
        "mount -t tmpfs none /mnt && mkdir /mnt/l /mnt/u /mnt/w /mnt/m && mount -t overlay overlay "
        "-o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w$KB_OVERLAY /mnt/m",
    ),
    ("process file systems", "mount -t proc proc /mnt/m && mount -t sysfs sysfs /mnt/m"),
)
_PACKAGES = {"unshare": "util-linux", "ip": "iproute2", "nft": "nftables", "sshd": "openssh-server"}


def probe() -> str | None:
    """None when it works here, else one sentence: what is missing and what to do."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    packages = dict(_PACKAGES)
    rootless = os.geteuid() != 0
    if rootless:
        packages["newuidmap"] = "uidmap"
    for program, package in packages.items():
        if shutil.which(program, path=path) is None:
            return f"The program {program} is missing: install the package {package}."
    script = "echo 0\n" + "\n".join(
        f"( {commands} ) && echo {number} || exit 1" for number, (_, commands) in enumerate(_STEPS, 1)
    )
    try:
        result = subprocess.run(
            [*namespace_command(rootless=rootless), "sh", "-c", script],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            stdin=subprocess.DEVNULL,
            env={"PATH": path, "KB_OVERLAY": ",userxattr" if rootless else ""},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"Making namespaces took more than {_TIMEOUT:g} s on this machine."
    if result.returncode == 0:
        return None
    complaint = " ".join(result.stderr.split())[-200:] or f"status {result.returncode}"
    done = result.stdout.split()
    if done:
        return (
            f"The kernel refuses the local cloud's {_STEPS[len(done) - 1][0]} in its namespaces: {complaint}"
        )
    if rootless and ("subuid" in complaint or "subgid" in complaint):
        name = getpass.getuser()
        return (
            f"The user {name} has no subordinate ids: root gives some by "
            f"`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}`."
        )
    if rootless:
        return (
            f"An ordinary user may not make namespaces here ({complaint}): allow it with the sysctls "
            "kernel.unprivileged_userns_clone=1, user.max_user_namespaces=10000 and "
            "kernel.apparmor_restrict_unprivileged_userns=0 where they exist."
        )
    return (
        f"Root may not make namespaces here ({complaint}): run outside of the container, or give it "
        "CAP_SYS_ADMIN."
    )
