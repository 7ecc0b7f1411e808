"""What is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Protocol

from benchmarks.backends.programs import KIB, MIB
from benchmarks.load.idle import IdleConnections
from benchmarks.load.outcome import Outcome
from benchmarks.peers.peer import Peer, RunningPeer
from benchmarks.peers.router import Router
from benchmarks.requests import (
    browser_requests,
    route_hosts,
    spread,
    upload_request,
)
from benchmarks.rig import Rig, resident_bytes
from benchmarks.samples import Sample

#: Connections of clients that are busy, unless the case says otherwise.
CONNECTIONS = 64

_NGINX = "nginx"


@dataclass(frozen=True, slots=True)
class About:
    """What there is to know of a case without running it.

    :ivar key: how it is chosen.
    :ivar name: of its file of results.
    :ivar unit: of the value.
    :ivar backend: what stands behind the proxies; see ``Backends.get``.
    :ivar reference: the proxy whose value the others are compared with.
    :ivar less_is_better: of the value.
    :ivar at_peak: whether the load is meant to take all that the proxy can do.
    :ivar direct: whether it is run without any proxy as well.
    :ivar fresh: whether each run needs a proxy that has just started.
    :ivar tunnels: whether it needs WebSockets.
    :ivar bodies: whether it moves long bodies.
    """

    key: str
    name: str
    title: str
    unit: str
    backend: str = "nginx"
    reference: str = _NGINX
    less_is_better: bool = False
    at_peak: bool = True
    direct: bool = True
    fresh: bool = False
    tunnels: bool = False
    bodies: bool = False


class Case(Protocol):
    """One thing to measure."""

    about: About

    def peers(self, chosen: Sequence[Peer]) -> Sequence[Peer]:
        """Which proxies take part, of those that the user wants."""

    def measure(self, rig: Rig, peer: RunningPeer) -> Sample:
        """Run it once against one proxy."""


class _OfAllPeers:
    """A case for every proxy that can do it."""

    about: About

    def peers(self, chosen: Sequence[Peer]) -> Sequence[Peer]:
        """Which proxies take part, of those that the user wants."""
        about = self.about
        return [
            peer
            for peer in chosen
            if (peer.tunnels or not about.tunnels)
            and (about.bodies or not peer.only_bodies)
        ]


def _per_second(outcome: Outcome) -> float:
    return outcome.operations / outcome.seconds


def _mb_per_second(outcome: Outcome) -> float:
    return outcome.bytes / outcome.seconds / 1e6


class Requests(_OfAllPeers):
    """As many requests as can be.

    :param requests: what is sent, in turn.
    :param file_bytes: size of the file that they ask for; 0 for none.
    """

    def __init__(
        self, about: About, requests: Sequence[bytes], file_bytes: int = 0
    ) -> None:
        self.about = about
        self._requests = requests
        self._file_bytes = file_bytes

    def measure(self, rig: Rig, peer: RunningPeer) -> Sample:
        """Run it once against one proxy."""
        if self._file_bytes:
            rig.backends.file(self._file_bytes)
        file = rig.load.write_requests(self.about.name, self._requests)
        return rig.measure(
            peer,
            lambda: rig.load.wrk(peer.port, file, CONNECTIONS, rig.seconds),
            _per_second,
        )


class Bulk(_OfAllPeers):
    """Long bodies, as many bytes as can be."""

    size_bytes = 10_000_000
    connections = 8

    def __init__(self, about: About, *, upload: bool) -> None:
        self.about = about
        self._upload = upload

    def measure(self, rig: Rig, peer: RunningPeer) -> Sample:
        """Run it once against one proxy."""
        file = rig.backends.file(self.size_bytes)
        return rig.measure(
            peer,
            lambda: rig.load.bulk(
                peer.port, file, self.connections, rig.seconds, upload=self._upload
            ),
            _mb_per_second,
        )


class BesideIdle(Requests):
    """As many requests as can be, with and without idle connections beside them."""

    idle = 2000

    def measure(self, rig: Rig, peer: RunningPeer) -> Sample:
        """Run it once against one proxy."""
        alone = super().measure(rig, peer)
        with IdleConnections(peer.port, self.idle) as idle:
            beside = super().measure(rig, peer)
            lost = idle.lost()
        return replace(
            beside, alone=alone.value, errors=alone.errors + beside.errors + lost
        )


class WebSocket(_OfAllPeers):
    """Round trips of small messages."""

    def __init__(self, about: About) -> None:
        self.about = about

    def measure(self, rig: Rig, peer: RunningPeer) -> Sample:
        """Run it once against one proxy."""
        sample = rig.measure(
            peer,
            lambda: rig.load.websocket(peer.port, CONNECTIONS, rig.seconds),
            _per_second,
        )
        # One line for each connection, when that ends: nothing to compare with.
        return replace(sample, logged=None)


class ManyRoutes(Requests):
    """As many requests as can be, with tables of different sizes.

    Requests go to ten of the routes, spread evenly over all: so the number of
    connections to instances, which costs more than any look-up, stays the same.
    """

    sizes = (10, 1_000, 100_000)
    used = 10

    def __init__(self, about: About) -> None:
        super().__init__(about, ())

    def peers(self, chosen: Sequence[Peer]) -> Sequence[Peer]:
        """The router, if the user wants it, three times."""
        wanted = any(peer.name == "router" for peer in chosen)
        return [Router(size) for size in self.sizes] if wanted else []

    def measure(self, rig: Rig, peer: RunningPeer) -> Sample:
        """Run it once against one proxy."""
        hosts = route_hosts(int(peer.name.rpartition("-")[2]))
        self._requests = list(browser_requests(spread(hosts, self.used)))
        return super().measure(rig, peer)


class HalfPeak(Requests):
    """Latency at half of the rate that the proxy can do, in an open loop."""

    def __init__(self, about: About, requests: Sequence[bytes]) -> None:
        super().__init__(about, requests)
        self._peaks: dict[str, float] = {}

    def measure(self, rig: Rig, peer: RunningPeer) -> Sample:
        """Run it once against one proxy; before the first time, find its peak."""
        if peer.name not in self._peaks:
            self._peaks[peer.name] = median(
                super(HalfPeak, self).measure(rig, peer).value for _ in range(3)
            )
        rate = self._peaks[peer.name] / 2
        file = rig.load.write_requests(self.about.name, self._requests)
        sample = rig.measure(
            peer,
            lambda: rig.load.constant_rate(
                peer.port, file, CONNECTIONS, rig.seconds, rate
            ),
            lambda outcome: outcome.p99_ms,
        )
        return replace(sample, rate=rate)


class IdleMemory(_OfAllPeers):
    """What an idle connection keeps, without the kernel's share."""

    connections = 5000
    _warm_up_s = 1

    def __init__(self, about: About) -> None:
        self.about = about

    def measure(self, rig: Rig, peer: RunningPeer) -> Sample:
        """Run it once against one proxy."""
        # What the first requests allocate for good is no connection's.
        requests = rig.load.write_requests(self.about.name, browser_requests())
        rig.load.wrk(peer.port, requests, CONNECTIONS, self._warm_up_s)
        before = resident_bytes(peer)
        with IdleConnections(peer.port, self.connections) as idle:
            after = resident_bytes(peer)
            lost = idle.lost()
        return Sample(
            value=(after - before) / self.connections / KIB,
            errors=lost,
            rss_mib=after / MIB,
        )


def all_cases() -> list[Case]:
    """Every case, in the order in which they are run."""
    browser = list(browser_requests())
    return [
        Requests(
            About(
                key="a",
                name="a-small-gets",
                title="Small GETs, keep-alive",
                unit="requests/s",
            ),
            browser,
        ),
        Requests(
            About(
                key="b",
                name="b-downloads-64k",
                title="Downloads of 64 KiB",
                unit="requests/s",
                bodies=True,
            ),
            list(browser_requests(path=f"/files/{64 * KIB}.bin")),
            file_bytes=64 * KIB,
        ),
        Bulk(
            About(
                key="c",
                name="c-downloads-10m",
                title="Downloads of 10 MB",
                unit="MB/s",
                bodies=True,
            ),
            upload=False,
        ),
        Requests(
            About(
                key="d1",
                name="d1-uploads-64k",
                title="Uploads of 64 KiB",
                unit="requests/s",
                backend="sink",
                bodies=True,
            ),
            [upload_request(64 * KIB, with_body=True)],
        ),
        Bulk(
            About(
                key="d2",
                name="d2-uploads-10m",
                title="Uploads of 10 MB",
                unit="MB/s",
                backend="sink",
                bodies=True,
            ),
            upload=True,
        ),
        Requests(
            About(
                key="e",
                name="e-connections",
                title="One connection per request",
                unit="requests/s",
            ),
            list(browser_requests(close=True)),
        ),
        BesideIdle(
            About(
                key="f",
                name="f-beside-idle",
                title=f"Small GETs, {BesideIdle.idle:,} idle beside",
                unit="requests/s",
            ),
            browser,
        ),
        WebSocket(
            About(
                key="g",
                name="g-websocket",
                title="WebSocket echo",
                unit="round trips/s",
                backend="echo",
                tunnels=True,
            )
        ),
        ManyRoutes(
            About(
                key="h",
                name="h-routes",
                title="Small GETs, by number of routes",
                unit="requests/s",
                reference=f"router-{ManyRoutes.sizes[0]}",
                direct=False,
            )
        ),
        HalfPeak(
            About(
                key="i",
                name="i-half-peak",
                title="p99 at half of the peak rate",
                unit="ms",
                less_is_better=True,
                at_peak=False,
            ),
            browser,
        ),
        IdleMemory(
            About(
                key="j",
                name="j-idle-memory",
                title="Memory of an idle connection",
                unit="KiB",
                less_is_better=True,
                at_peak=False,
                direct=False,
                fresh=True,
            )
        ),
    ]
