"""The image of all servers: the project's own node image, whole for machines, its root file system for
containers, which have no boot loader and share the machine's kernel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from kb_tests.cloud.connect import connect
from kb_tests.cloud.image import upload
from tests.openstack.settings import CLOUD, IMAGE, ROOT, OpenStackError, Settings, Virt

_BUILD = ROOT / "images" / "build.sh"
_PARTITION = 1 << 20
"""Where build.sh puts the only partition, in bytes."""


def build(settings: Settings) -> Path:
    """The image as a file; built unless it is there. OpenStackError when it cannot be."""
    folder = settings.state / "image"
    folder.mkdir(exist_ok=True)
    disk = folder / f"{IMAGE}.qcow2"
    if not disk.exists():
        _run(settings, "env", f"TMPDIR={folder}", str(_BUILD), str(disk))
    if settings.virt is Virt.QEMU:
        return disk
    root = folder / f"{IMAGE}.raw"
    if not root.exists():
        _extract(settings, disk, root)
    return root


def register(settings: Settings, file: Path) -> None:
    """Upload it for everybody, as a user would."""
    cloud = connect(CLOUD, settings.clouds_yaml)
    upload(cloud, file, name=IMAGE, visibility="public")
    cloud.close()


def _extract(settings: Settings, disk: Path, root: Path) -> None:
    """The root file system out of the disk, without what only a machine's boot needs."""
    whole, part = root.with_suffix(".disk"), root.with_suffix(".part")
    mounted = root.with_suffix(".mounted")
    mounted.mkdir(exist_ok=True)
    try:
        _run(settings, "qemu-img", "convert", "-O", "raw", str(disk), str(whole))
        copy = ("dd", f"if={whole}", f"of={part}", f"bs={_PARTITION}", "skip=1", "conv=sparse", "status=none")
        _run(settings, *copy)
        _run(settings, "mount", "-o", "loop", str(part), str(mounted))
        try:
            shutil.rmtree(mounted / "lib/modules")
            shutil.rmtree(mounted / "boot")
            init = mounted / "sbin/init"
            init.unlink()
            shutil.copy(Path(__file__).with_name("container-init"), init)
        finally:
            _run(settings, "umount", str(mounted))
        part.rename(root)
    finally:
        whole.unlink(missing_ok=True)
        part.unlink(missing_ok=True)
        mounted.rmdir()


def _run(settings: Settings, *command: str) -> None:
    log = settings.log / "image.log"
    environment = os.environ | {"PATH": f"/usr/sbin:/usr/bin:/sbin:/bin:{os.environ.get('PATH', '')}"}
    with log.open("ab") as output:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    if done.returncode:
        raise OpenStackError(f"`{command[0]}` failed while the image was made: see {log}.")
