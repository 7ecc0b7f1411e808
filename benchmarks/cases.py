"""What is measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from statistics import median
from typing import Protocol

from benchmarks.about import (
    ABOUTS,
    BESIDE_IDLE,
    IDLE,
    LEAVING,
    LEAVING_QUICK,
    ROUTER,
    ROUTES,
    About,
)
from benchmarks.backends.programs import KIB, MIB
from benchmarks.load.idle import IdleConnections
from benchmarks.load.outcome import Outcome, percentile
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


class Case(Protocol):
    """One thing to measure."""

    about: About

    def peers(self, chosen: Sequence[Peer]) -> Sequence[Peer]:
        """Which proxies take part, of those that the user wants."""

    def measure(self, rig: Rig, peer: RunningPeer) -> Sample:
        """Run it once against one proxy."""


class _OfAllPeers:
    """A case for every proxy that matters for it."""

    about: About

    def peers(self, chosen: Sequence[Peer]) -> Sequence[Peer]:
        """Which proxies take part, of those that the user wants."""
        return [peer for peer in chosen if peer.name in self.about.peers]


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

    def measure(self, rig: Rig, peer: RunningPeer) -> Sample:
        """Run it once against one proxy."""
        alone = super().measure(rig, peer)
        with IdleConnections(peer.port, BESIDE_IDLE) as idle:
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

    used = 10

    def __init__(self, about: About) -> None:
        super().__init__(about, ())

    def peers(self, chosen: Sequence[Peer]) -> Sequence[Peer]:
        """The router, if the user wants it, three times."""
        wanted = any(peer.name == ROUTER for peer in chosen)
        return [Router(size) for size in ROUTES] if wanted else []

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

    _warm_up_s = 1

    def __init__(self, about: About) -> None:
        self.about = about

    def measure(self, rig: Rig, peer: RunningPeer) -> Sample:
        """Run it once against one proxy."""
        # What the first requests allocate for good is no connection's.
        requests = rig.load.write_requests(self.about.name, browser_requests())
        rig.load.wrk(peer.port, requests, CONNECTIONS, self._warm_up_s)
        before = resident_bytes(peer)
        with IdleConnections(peer.port, IDLE) as idle:
            after = resident_bytes(peer)
            lost = idle.lost()
        return Sample(
            value=(after - before) / IDLE / KIB,
            errors=lost,
            rss_mib=after / MIB,
        )


class Leaving(_OfAllPeers):
    """What is kept of connections that have left, and the collector's pauses.

    The load of case a goes on beside them.
    """

    _warm_up = 10_000
    _load_s = 3

    def __init__(self, about: About, requests: Sequence[bytes]) -> None:
        self.about = about
        self._requests = requests

    def peers(self, chosen: Sequence[Peer]) -> Sequence[Peer]:
        """The router, if the user wants it, with a record of its collections."""
        wanted = any(peer.name == ROUTER for peer in chosen)
        return [Router(watched=True)] if wanted else []

    def measure(self, rig: Rig, peer: RunningPeer) -> Sample:
        """Run it once against one proxy."""
        count = LEAVING_QUICK if rig.quick else LEAVING
        # What the first ones and the most at a time allocate for good is nobody's.
        self._come_and_go(rig, peer, self._warm_up)
        before = resident_bytes(peer)
        collected = len(peer.collections())
        gone, loads = self._come_and_go(rig, peer, count)
        collections = peer.collections()[collected:]
        after = resident_bytes(peer)
        pauses_ms = sorted(one.pause_s * 1e3 for one in collections)
        generations = Counter(one.generation for one in collections)
        return Sample(
            value=after / before,
            errors=gone.errors
            + (count - gone.operations)
            + sum(load.errors for load in loads),
            p50_ms=median(load.p50_ms for load in loads),
            p99_ms=median(load.p99_ms for load in loads),
            rss_mib=after / MIB,
            before_mib=before / MIB,
            young=generations[0],
            middle=generations[1],
            old=generations[2],
            garbage=sum(one.found for one in collections),
            pause_p50_ms=percentile(pauses_ms, 50),
            pause_p999_ms=percentile(pauses_ms, 99.9),
            pause_max_ms=max(pauses_ms, default=0.0),
        )

    def _come_and_go(
        self, rig: Rig, peer: RunningPeer, count: int
    ) -> tuple[Outcome, list[Outcome]]:
        """What became of the connections, and of the load meanwhile."""
        file = rig.load.write_requests(self.about.name, self._requests)
        loads = []
        with ThreadPoolExecutor(1) as beside:
            churn = beside.submit(rig.load.churn, peer.port, count)
            while True:
                loads.append(rig.load.wrk(peer.port, file, CONNECTIONS, self._load_s))
                if churn.done():
                    return churn.result(), loads


def all_cases() -> list[Case]:
    """Every case, in the order in which they are run."""
    browser = list(browser_requests())
    makers: Mapping[str, Callable[[About], Case]] = {
        "a": lambda about: Requests(about, browser),
        "b": lambda about: Requests(
            about,
            list(browser_requests(path=f"/files/{64 * KIB}.bin")),
            file_bytes=64 * KIB,
        ),
        "c": lambda about: Bulk(about, upload=False),
        "d1": lambda about: Requests(about, [upload_request(64 * KIB, with_body=True)]),
        "d2": lambda about: Bulk(about, upload=True),
        "e": lambda about: Requests(about, list(browser_requests(close=True))),
        "f": lambda about: BesideIdle(about, browser),
        "g": WebSocket,
        "h": ManyRoutes,
        "i": lambda about: HalfPeak(about, browser),
        "j": IdleMemory,
        "k": lambda about: Leaving(about, browser),
    }
    return [makers[about.key](about) for about in ABOUTS]
