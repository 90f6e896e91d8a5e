"""What becomes of a volume that is asked to grow."""

from __future__ import annotations

from pathlib import Path

from kb_tests.localcloud.cinder.state import QosSpecs, VolumeType
from kb_tests.localcloud.driver import DriverError
from kb_tests.localcloud.null import NullDriver
from tests.unit.localcloud.asgi import Client

VOLUMES = "/volume/v3/p/volumes"


class SmallDisk(NullDriver):
    """Has room for volumes of 4 GiB."""

    async def put_volume(self, volume_id: str, size: int) -> None:
        if size > 4 << 30:
            raise DriverError("No space left on device.")
        await super().put_volume(volume_id, size)


def test_a_volume_is_as_large_as_the_driver_made_it(tmp_path: Path) -> None:
    client = Client(tmp_path, SmallDisk())

    async def extend(volume: str, size: int) -> tuple[str, int]:
        answer = await client.call("POST", f"{VOLUMES}/{volume}/action", {"os-extend": {"new_size": size}})
        assert answer.status == 202, answer.raw
        await client.settle()
        shown = (await client.call("GET", f"{VOLUMES}/{volume}")).json["volume"]
        return shown["status"], shown["size"]

    async def test() -> None:
        made = await client.call("POST", VOLUMES, {"volume": {"size": 1}})
        volume = made.json["volume"]["id"]
        await client.settle()
        assert await extend(volume, 3) == ("available", 3)
        assert client.driver.volumes[volume] == 3 << 30
        assert await extend(volume, 5) == ("error_extending", 3)
        assert client.driver.volumes[volume] == 3 << 30

    client.run(test())


def test_qos_specs_limit_the_volumes_of_a_type() -> None:
    specs = QosSpecs(name="q", consumer="front-end", specs={"total_iops_sec": "500", "read_iops_sec": "7"})
    assert VolumeType(name="t", qos=specs).limits == (500, None)
    assert VolumeType(name="t", qos=specs, extra_specs={"kb:iops": "20"}).limits == (20, None)
    assert VolumeType(name="t").limits == (None, None)
