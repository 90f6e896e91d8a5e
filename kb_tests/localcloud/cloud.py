"""The whole cloud: the state of its services, its driver, and the tasks that run beside the API."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from kb_tests.localcloud.api.requestlog import RequestLog
from kb_tests.localcloud.cinder.state import BlockStorage
from kb_tests.localcloud.driver import Driver
from kb_tests.localcloud.faults import Faults
from kb_tests.localcloud.glance.state import Images
from kb_tests.localcloud.harm.state import Harms
from kb_tests.localcloud.keystone.state import Identity
from kb_tests.localcloud.neutron.dataplane import DataPlane
from kb_tests.localcloud.neutron.state import Network, Networking, Subnet
from kb_tests.localcloud.nova.state import Compute
from kb_tests.localcloud.settings import Settings
from kb_tests.localcloud.state_dir import REGION

log = logging.getLogger(__name__)

FLOATING_CIDR = IPv4Network("127.77.0.0/16")


@dataclass
class Cloud:
    """One local cloud, or one region of it. `url` is what clients reach it by, without a path; `folder` takes
    its files; `boots` bounds how many servers the driver boots at once. `regions` are the addresses of all
    regions by name, the first one's being Keystone's. `hosts` are so many hypervisors, in `zones`.
    """

    url: str
    driver: Driver
    folder: Path
    identity: Identity = field(default_factory=Identity)
    networking: Networking = field(default_factory=Networking)
    compute: Compute = field(default_factory=Compute)
    storage: BlockStorage = field(default_factory=BlockStorage)
    requests: RequestLog = field(default_factory=RequestLog)
    faults: Faults = field(default_factory=Faults)
    settings: Settings = field(default_factory=Settings)
    harms: Harms = field(default_factory=Harms)
    mtu: int = 1500
    region: str = REGION
    regions: dict[str, str] = field(default_factory=dict)
    hosts: int = 2
    zones: int = 1
    boots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(32))
    images: Images = field(init=False)
    dataplane: DataPlane = field(init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.regions.setdefault(self.region, self.url)
        self.images = Images(self.folder / "images")
        self.dataplane = DataPlane(self.networking, self.driver)

    @property
    def keystone(self) -> str:
        """The address of the identity service, which all regions have in common."""
        return f"{next(iter(self.regions.values()))}/identity"

    def bootstrap(self, admin_password: str, token_lifetime: timedelta = timedelta(hours=1)) -> None:
        """What an administrator finds in a new cloud: user and project `admin`, the image `kb-node`, the
        external network `public` with the floating addresses, the hypervisors in their zones.
        """
        self.identity.token_lifetime = token_lifetime
        self.identity.bootstrap(admin_password)
        self._fill(self.driver.floating_pool)

    def add_region(self, name: str, url: str, number: int, of: int) -> Cloud:
        """One more region: it shares Keystone and the data plane, and nothing else. It is the region `number`
        of `of`, which share the floating addresses.
        """
        self.regions[name] = url
        region = Cloud(
            url,
            self.driver,
            self.folder / name,
            identity=self.identity,
            settings=self.settings,
            mtu=self.mtu,
            region=name,
            regions=self.regions,
            hosts=self.hosts,
            zones=self.zones,
            boots=self.boots,
        )
        first, last = self.driver.floating_pool
        share = (int(last) - int(first) + 1) // of
        own = next(net for net in self.networking.networks.values() if net.external)
        for subnet in self.networking.subnets_of(own.id):
            subnet.pools = [(first, first + share - 1)]
        start = first + number * share
        region._fill((start, start + share - 1))
        return region

    def _fill(self, pool: tuple[IPv4Address, IPv4Address]) -> None:
        admin = next(project.id for project in self.identity.projects.values() if project.name == "admin")
        self.images.bootstrap(admin, self.driver.notes)
        self.compute.bootstrap(self.hosts, self.zones)
        self.storage.bootstrap()
        public = Network(
            project_id=admin,
            name="public",
            description="Floating addresses of the local cloud, on this machine's loopback",
            mtu=self.mtu,
            segmentation_id=self.networking.next_segment(),
            external=True,
        )
        self.networking.networks[public.id] = public
        subnet = Subnet(
            project_id=admin,
            name="public-subnet",
            network_id=public.id,
            cidr=FLOATING_CIDR,
            gateway_ip=FLOATING_CIDR.network_address + 1,
            pools=[pool],
            enable_dhcp=False,
        )
        self.networking.subnets[subnet.id] = subnet

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something go on after its request was answered."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a task beside the API failed", exc_info=error)

    async def stop(self) -> None:
        """End the tasks and the data plane; the images go too."""
        await self.end()
        await self.driver.stop()

    async def end(self) -> None:
        """Let nothing go on beside the API; the images go. The data plane stays."""
        for task in tuple(self._tasks):
            task.cancel()
        for task in tuple(self._tasks):
            with suppress(asyncio.CancelledError, Exception):
                await task
        shutil.rmtree(self.images.folder, ignore_errors=True)
