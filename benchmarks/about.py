"""What there is to know of each case without running it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Names of the proxies, as the user chooses them and the tables show them.
NGINX = "nginx"
NGINX_64K = "nginx-64k"
HAPROXY = "haproxy"
CADDY = "caddy"
ROUTER = "router"
TWISTED_WEB = "twisted-web"
#: Name of what is measured without any proxy: how fast load and backend can be.
DIRECT = "direct"

_OTHERS = (NGINX, HAPROXY, CADDY, ROUTER)
_FOR_BODIES = (NGINX, NGINX_64K, HAPROXY, CADDY, ROUTER)

#: Connections that stay open beside the load in case f, and in case j.
BESIDE_IDLE = 2000
IDLE = 5000
#: Connections that come and go in case k, and in a quick run of it.
LEAVING = 100_000
LEAVING_QUICK = 10_000
#: Sizes of the routing table in case h.
ROUTES = (10, 1_000, 100_000)


@dataclass(frozen=True, slots=True)
class About:
    """One case.

    :ivar key: how it is chosen.
    :ivar name: of its file of results.
    :ivar unit: of the value.
    :ivar peers: the proxies that matter for it.
    :ivar backend: what stands behind the proxies; see ``Backends.get``.
    :ivar reference: the proxy whose value the others are compared with.
    :ivar less_is_better: of the value.
    :ivar at_peak: whether the load is meant to take all that the proxy can do.
    :ivar limited_by_load: whether the load works as hard as the quickest proxies do, so
        that processor time tells these apart, and the value hardly.
    :ivar direct: whether its first round runs without any proxy as well.
    :ivar fresh: whether each run needs a proxy that has just started.
    :ivar most_rounds: rounds beyond these would tell nothing new; 0 for no limit.
    """

    key: str
    name: str
    title: str
    unit: str
    peers: tuple[str, ...] = _OTHERS
    backend: str = "nginx"
    reference: str = NGINX
    less_is_better: bool = False
    at_peak: bool = True
    limited_by_load: bool = False
    direct: bool = True
    fresh: bool = False
    most_rounds: int = 0


#: Every case, in the order in which they are run.
ABOUTS: Sequence[About] = (
    About(
        key="a",
        name="a-small-gets",
        title="Small GETs, keep-alive",
        unit="requests/s",
        peers=(*_OTHERS, TWISTED_WEB),
    ),
    About(
        key="b",
        name="b-downloads-64k",
        title="Downloads of 64 KiB",
        unit="requests/s",
        peers=_FOR_BODIES,
    ),
    About(
        key="c",
        name="c-downloads-10m",
        title="Downloads of 10 MB",
        unit="MB/s",
        peers=_FOR_BODIES,
    ),
    About(
        key="d1",
        name="d1-uploads-64k",
        title="Uploads of 64 KiB",
        unit="requests/s",
        peers=_FOR_BODIES,
        backend="sink",
    ),
    About(
        key="d2",
        name="d2-uploads-10m",
        title="Uploads of 10 MB",
        unit="MB/s",
        peers=_FOR_BODIES,
        backend="sink",
    ),
    About(
        key="e",
        name="e-connections",
        title="One connection per request",
        unit="requests/s",
        limited_by_load=True,
        peers=(*_OTHERS, TWISTED_WEB),
    ),
    About(
        key="f",
        name="f-beside-idle",
        title=f"Small GETs, {BESIDE_IDLE:,} idle beside",
        unit="requests/s",
        peers=(NGINX, ROUTER),
        direct=False,
    ),
    About(
        key="g",
        name="g-websocket",
        title="WebSocket echo",
        unit="round trips/s",
        limited_by_load=True,
        backend="echo",
    ),
    About(
        key="h",
        name="h-routes",
        title="Small GETs, by number of routes",
        unit="requests/s",
        peers=(ROUTER,),
        reference=f"{ROUTER}-{ROUTES[0]}",
        direct=False,
    ),
    About(
        key="i",
        name="i-half-peak",
        title="p99 at half of the peak rate",
        unit="ms",
        less_is_better=True,
        at_peak=False,
        direct=False,
    ),
    About(
        key="j",
        name="j-idle-memory",
        title="Memory of an idle connection",
        unit="KiB",
        peers=(*_OTHERS, TWISTED_WEB),
        less_is_better=True,
        at_peak=False,
        direct=False,
        fresh=True,
        most_rounds=3,
    ),
    About(
        key="k",
        name="k-leaving",
        title=f"Memory after {LEAVING:,} connections have left",
        unit="of before",
        peers=(ROUTER,),
        reference=ROUTER,
        less_is_better=True,
        at_peak=False,
        direct=False,
        fresh=True,
        most_rounds=1,
    ),
)


def about(key: str) -> About:
    """The case with this key."""
    return next(about for about in ABOUTS if about.key == key)
