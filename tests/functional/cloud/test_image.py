"""An image comes onto a cloud once, whole, or not at all."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
import requests

from kb_tests.cloud.caller import Caller
from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.image import upload
from kb_tests.cloud.preflight import find_image
from kb_tests.errors import CapacityError, CloudError
from tests.functional.cloud.conftest import Faults, answer
from tests.functional.cloud.member import member
from tests.waiting import PATIENCE

NAME = "kb-node-of-a-test"


def qcow2(folder: Path, content: bytes = b"x" * 3_000_000) -> Path:
    """The header of an image of 3 GiB and a bit, and some content."""
    path = folder / "image.qcow2"
    virtual = 3 * (1 << 30) + 1
    path.write_bytes(b"QFI\xfb" + b"\x00" * 20 + virtual.to_bytes(8, "big") + content)
    return path


@pytest.fixture(autouse=True)
def no_image_left(cloud: Cloud) -> Iterator[None]:
    yield
    for image_id in ids(cloud):
        cloud.connection.image.delete_image(image_id)


def ids(cloud: Cloud) -> list[str]:
    return [image.id for image in cloud.connection.image.images(name=NAME)]


def test_it_is_uploaded_once(cloud: Cloud, tmp_path: Path) -> None:
    file = qcow2(tmp_path)
    seen: list[tuple[str, int, int]] = []
    first = upload(cloud, file, name=NAME, progress=lambda *step: seen.append(step))
    assert first.fresh
    assert ("upload (MiB)", 2, 2) in seen
    image = cloud.connection.image.get_image(first.id)
    assert (image.disk_format, image.visibility, image.min_disk) == ("qcow2", "community", 4)
    assert image.hash_value == hashlib.sha512(file.read_bytes()).hexdigest()
    assert image.os_distro == "debian"

    before = cloud.requests
    again = upload(cloud, file, name=NAME)
    assert (again.id, again.fresh) == (first.id, False)
    assert cloud.requests - before <= 2
    assert ids(cloud) == [first.id]


def test_another_image_of_that_name_is_not_touched(cloud: Cloud, tmp_path: Path) -> None:
    first = upload(cloud, qcow2(tmp_path), name=NAME)
    with pytest.raises(CloudError, match=f"has another image '{NAME}' .{first.id}, active"):
        upload(cloud, qcow2(tmp_path, b"other"), name=NAME)
    assert ids(cloud) == [first.id]


@pytest.mark.parametrize("status", [413, 500])
def test_nothing_half_is_left(cloud: Cloud, tmp_path: Path, faults: Faults, status: int) -> None:
    def fail(request: requests.PreparedRequest, _send: object) -> requests.Response | None:
        return answer(request, status) if request.method == "PUT" else None

    faults.inject(fail)
    with pytest.raises(CloudError, match=f"does not take image '{NAME}': {status}"):
        upload(cloud, qcow2(tmp_path), name=NAME)
    assert ids(cloud) == []


def test_what_arrives_otherwise_is_removed(cloud: Cloud, tmp_path: Path, faults: Faults) -> None:
    file = qcow2(tmp_path)

    def change(request: requests.PreparedRequest, _send: object) -> None:
        if request.method == "PUT":
            request.body = b"torn"
            request.headers["Content-Length"] = "4"

    faults.inject(change)
    with pytest.raises(CloudError, match="did not store"):
        upload(cloud, file, name=NAME)
    assert ids(cloud) == []


def test_what_is_no_image(cloud: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("hello")
    with pytest.raises(CloudError, match="is no qcow2 image"):
        upload(cloud, file, name=NAME)
    with pytest.raises(CloudError, match="cannot be read"):
        upload(cloud, tmp_path / "none.qcow2", name=NAME)


def choose(cloud: Cloud, wanted: str = NAME) -> str:
    caller = Caller(cloud, until=time.monotonic() + PATIENCE, stop=Event())
    return str(find_image(caller, wanted, False).id)


def test_it_is_found_by_its_name_and_by_its_id(cloud: Cloud, tmp_path: Path) -> None:
    made = upload(cloud, qcow2(tmp_path), name=NAME)
    assert choose(cloud) == made.id
    assert choose(cloud, made.id) == made.id
    cloud.connection.image.update_image(made.id, is_hidden=True)
    assert choose(cloud) == made.id
    cloud.connection.image.delete_image(made.id)
    with pytest.raises(CapacityError, match=f"^Cloud 'kb-local' has no image '{made.id}'"):
        choose(cloud, made.id)


def test_of_two_one_has_to_be_named(cloud: Cloud, tmp_path: Path) -> None:
    two = [cloud.connection.image.create_image(NAME, disk_format="raw", wait=False).id for _ in range(2)]
    with pytest.raises(CapacityError) as failed:
        choose(cloud)
    assert str(failed.value) == (
        f"Cloud 'kb-local' has 2 images '{NAME}': {', '.join(sorted(two))}. "
        "Give the id of one with --kb-image."
    )


def test_one_that_a_stranger_shares_with_everybody_is_taken_by_its_id_alone(
    cloud: Cloud, tmp_path: Path
) -> None:
    made = upload(cloud, qcow2(tmp_path), name=NAME, visibility="community")
    with member(cloud, tmp_path) as clouds_yaml:
        somebody = connect(cloud.name, clouds_yaml)
        with pytest.raises(CapacityError) as failed:
            choose(somebody)
        assert str(failed.value) == (
            f"Cloud 'kb-local' has no image '{NAME}' but what other projects share with everybody: "
            f"{made.id}. If you trust its owner, give its id with --kb-image."
        )
        assert choose(somebody, made.id) == made.id
        somebody.close()
