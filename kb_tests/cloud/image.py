"""Bringing the node image onto a cloud, once: a second upload finds the first by its checksum."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import IO, Any

from openstack import exceptions as sdk

from kb_tests.cloud.caller import Caller
from kb_tests.cloud.calls import FAILURES, said
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.progress import Progress, silent
from kb_tests.errors import CloudError

PATIENCE = 3600.0
"""Seconds that an upload may take."""

PROPERTIES = {"os_type": "linux", "os_distro": "debian", "os_version": "12"}
"""What Nova and dashboards read about the node image."""

_MAGIC = b"QFI\xfb"
_GIB = 1 << 30
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Uploaded:
    """An image on a cloud; `fresh` is False where it was there before."""

    id: str
    name: str
    visibility: str
    fresh: bool


def upload(
    cloud: Cloud, file: Path, *, name: str, visibility: str = "", progress: Progress = silent
) -> Uploaded:
    """The image of this file on the cloud, uploaded unless one of that name and content is there.

    `visibility` is Glance's, by default `community` for admins, whose runs make projects of their own, and
    `private` for others. Raises CloudError when the file is no image, another one has that name, or the
    cloud did not store what was sent; nothing half is left then.
    """
    size, disk_format, virtual = _inspect(file)
    digest = _digest(file, progress)
    caller = Caller(cloud, until=time.monotonic() + PATIENCE, stop=Event())
    proxy: Any = cloud.connection.image
    for found in caller.call(f"looking for image {name}", lambda: list(proxy.images(name=name))):
        if found.status == "active" and (found.hash_algo, found.hash_value) == ("sha512", digest):
            return Uploaded(found.id, name, found.visibility, fresh=False)
        if found.owner_id == cloud.project_id:
            raise CloudError(
                f"Cloud {cloud.name!r} has another image {name!r} ({found.id}, {found.status}).",
                remedy=f"Remove it (`openstack image delete {found.id}`), or choose another --name.",
            )
    admin = caller.call("asking what the user may do", lambda: cloud.is_admin)
    wanted = PROPERTIES | {
        "name": name,
        "disk_format": disk_format,
        "container_format": "bare",
        "visibility": visibility or ("community" if admin else "private"),
        "min_disk": -(-virtual // _GIB),
    }
    # Not openstacksdk's create_image: it takes a file of the image's name in the working folder for the
    # data, and knows no progress.
    image_id = caller.call(f"creating image {name}", lambda: _answered(proxy.post("/images", json=wanted)))
    try:
        with file.open("rb") as stream:
            sdk.raise_from_response(
                proxy.put(
                    f"/images/{image_id}/file",
                    data=_Counted(stream, size, progress),
                    headers={"Content-Type": "application/octet-stream"},
                )
            )
        stored = proxy.get_image(image_id)
        if stored.status != "active" or (stored.hash_algo == "sha512" and stored.hash_value != digest):
            raise CloudError(f"Cloud {cloud.name!r} did not store image {name!r} as it was sent.")
    except BaseException as error:
        proxy.delete_image(image_id, ignore_missing=True)
        if isinstance(error, FAILURES):
            raise CloudError(f"Cloud {cloud.name!r} does not take image {name!r}: {said(error)}") from error
        raise
    return Uploaded(stored.id, name, stored.visibility, fresh=True)


def _answered(response: Any) -> str:
    sdk.raise_from_response(response)
    return str(response.json()["id"])


def _inspect(file: Path) -> tuple[int, str, int]:
    """Size, format, and size of the disk in bytes: QEMU's "qcow2 image format" has it at offset 24."""
    try:
        with file.open("rb") as stream:
            header = stream.read(32)
            size = os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise CloudError(f"The image {file} cannot be read: {error.strerror}.") from error
    if header[:4] == _MAGIC and len(header) == 32:
        return size, "qcow2", int.from_bytes(header[24:32], "big")
    if size and file.suffix in (".raw", ".img"):
        return size, "raw", size
    raise CloudError(f"{file} is no qcow2 image; a raw one has to be called .raw or .img.")


def _digest(file: Path, progress: Progress) -> str:
    total = file.stat().st_size
    digest, done = hashlib.sha512(), 0
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            progress("checksum", done >> 20, total >> 20)
    return digest.hexdigest()


class _Counted:
    """A file that tells how much of it was read."""

    def __init__(self, stream: IO[bytes], size: int, progress: Progress) -> None:
        self._stream = stream
        self._size = size
        self._progress = progress

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size if size >= 0 else self._size)
        self._progress("upload (MiB)", self._stream.tell() >> 20, self._size >> 20)
        return data
