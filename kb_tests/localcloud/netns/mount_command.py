"""`mount`, `umount` and `mkfs.xfs` of a server: its root has no right to mount, nor to set a device's block
size (that is a right over the host), so this is done by the cloud for file systems on its own volumes.
Everything else goes to the real programs.

A program of its own, copied into each server; standard library only.
"""

import argparse
import json
import os
import re
import socket
import subprocess
import sys

SOCKET = "/run/kb-mount"


def ask(request: dict[str, object]) -> int:
    """Have process 1 do it; an exit status."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as process_1:
        process_1.connect(SOCKET)
        process_1.send(json.dumps(request).encode())
        answer = process_1.recv(4096).decode()
    if answer != "ok":
        sys.stderr.write(f"{sys.argv[0]}: {answer}\n")
        return 32
    return 0


def main() -> int:
    """Mount, unmount or make a volume's file system, or be the real program."""
    command = os.path.basename(sys.argv[0])  # noqa: PTH119 - pathlib costs more than the mount
    return made() if command == "mkfs.xfs" else mounted(command)


def made() -> int:
    """XFS on a volume, with no option but a label."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("-f", dest="force", action="store_true")
    parser.add_argument("-q", dest="quiet", action="store_true")
    parser.add_argument("-L", dest="label", default="")
    parser.add_argument("devices", nargs="*")
    try:
        given, unknown = parser.parse_known_args()
    except argparse.ArgumentError:
        given, unknown = None, ["?"]
    if given is not None and given.force and not unknown and len(given.devices) == 1:
        device = os.path.realpath(given.devices[0])
        if re.fullmatch(r"/dev/vd[b-z]", device):
            return ask({"op": "mkfs.xfs", "device": device, "label": given.label})
    return subprocess.run(["/usr/sbin/mkfs.xfs", *sys.argv[1:]], check=False).returncode


def mounted(command: str) -> int:
    """`mount` or `umount`."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("-t", dest="kind")
    parser.add_argument("-o", dest="options", default="")
    parser.add_argument("-l", dest="lazy", action="store_true")
    parser.add_argument("places", nargs="*")
    try:
        given, unknown = parser.parse_known_args()
    except argparse.ArgumentError:
        given, unknown = None, ["?"]
    if given is not None and not unknown and os.geteuid() == 0:
        places = [os.path.realpath(place) for place in given.places]
        if command == "umount" and len(places) == 1:
            return ask({"op": "umount", "target": places[0], "lazy": given.lazy})
        if command == "mount" and len(places) == 2 and re.fullmatch(r"/dev/vd[b-z]", places[0]):
            kind = given.kind or found_kind(places[0])
            options = [option for option in given.options.split(",") if option]
            return ask(
                {"op": "mount", "device": places[0], "target": places[1], "kind": kind, "options": options}
            )
    return subprocess.run([f"/usr/bin/{command}", *sys.argv[1:]], check=False).returncode


def found_kind(device: str) -> str:
    """The type of the file system on a device."""
    blkid = ["/usr/sbin/blkid", "-p", "-o", "value", "-s", "TYPE", device]
    return subprocess.run(blkid, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
