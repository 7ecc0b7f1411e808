"""Every seam of the router, and the errors that cross them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from .model import Instance, Quarantined


class RouterError(Exception):
    """Base of all errors that the router itself raises."""


class CatalogError(RouterError):
    """Consul (or the embedded catalog) could not be asked, or said no.

    :ivar status: HTTP status of the answer, 0 when there was none.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class DockerError(RouterError):
    """The Docker engine could not be asked, or said no.

    :ivar status: HTTP status of the answer, 0 when there was none.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source of facts is doing, for the status site.

    :ivar ready: its first complete snapshot has arrived.
    :ivar age_s: seconds since it last heard from its origin, ``None`` if never.
    :ivar error: why it is not hearing from it now, ``""`` when it is.
    :ivar reservation: why what it hears now may be less than there is, ``""`` for no
        reason.
    :ivar index: the highest index of its origin's history that it has seen; 0 if it
        knows of none.
    :ivar snapshot_age_s: the age in seconds of its facts while they are those of a
        file, kept from before the start; ``None`` once its origin has told its own.
    :ivar oldest_s: the greatest age of any service's facts, in seconds; ``None`` if
        none was ever confirmed.
    :ivar doubtful: services of which what would confirm their facts fails now.
    :ivar withdrawn: services not routed, as they were not confirmed for too long.
    :ivar held: instances routed although its origin does not list them any more.
    :ivar alarms: how often there was something to report, by kind.
    """

    name: str
    ready: bool
    age_s: float | None = None
    error: str = ""
    index: int = 0
    snapshot_age_s: float | None = None
    oldest_s: float | None = None
    doubtful: int = 0
    withdrawn: int = 0
    held: int = 0
    alarms: Mapping[str, int] = field(default_factory=dict)
    reservation: str = ""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """What a source knows of one service, and how sure that is.

    :ivar age_s: seconds since its origin confirmed it; ``None`` if it never did.
    :ivar doubtful: what would confirm it fails now.
    :ivar withdrawn: not routed, as it was not confirmed for too long.
    """

    service: str
    instances: int
    age_s: float | None
    doubtful: bool = False
    withdrawn: bool = False


class RegistrarState(TypedDict):
    """How the registrar is doing, for the status site: what JSON can hold, no secrets.

    ``ready``
        It has compared Docker with Consul at least once.
    ``error``
        The gravest thing that is wrong right now, ``""`` when nothing is.
    ``docker_connected``
        It follows the engine's events, and the engine answers.
    ``consul_connected``
        The agent has answered when it was asked last.
    ``api_version``
        Of Docker's API, as agreed upon with the engine.
    ``last_event_age_s``, ``last_reconcile_age_s``
        Seconds since an event came, and since both sides were compared and what
        differed was written; ``None`` if that never happened.
    ``last_reconcile_s``
        How long that took.
    ``drift``
        Differences, ever, that no event had announced.
    ``containers``, ``odd_containers``, ``dirty_containers``, ``stopping_containers``
        That run; of these, that nothing could be made of; that are to be inspected
        again; that are being stopped.
    ``services``
        That the agent should hold.
    ``refused_attributes``
        That containers have, and that are not used.
    ``writes``, ``pending_writes``, ``failed_writes``
        That the agent took, ever; that are planned or under way; that failed, ever.
    ``failing_services``
        Whose last write the agent refused.
    ``beats``
        Reports that services are still there, ever.
    """

    ready: bool
    error: str
    docker_connected: bool
    consul_connected: bool
    api_version: str
    last_event_age_s: float | None
    last_reconcile_age_s: float | None
    last_reconcile_s: float | None
    drift: int
    containers: int
    odd_containers: int
    dirty_containers: int
    stopping_containers: int
    services: int
    refused_attributes: int
    writes: int
    pending_writes: int
    failed_writes: int
    failing_services: int
    beats: int


#: The source whose facts come from the router's own file. They are routed as they are
#: written: names made of ``consul.domain`` are for what a catalog lists.
STATIC_SOURCE = "static"

#: What routing tags of these facts begin with, whatever ``consul.tag_prefix`` is.
STATIC_TAG_PREFIX = "static:"


class IFactsConsumer(Interface):
    """Takes facts about services from any number of named sources."""

    def apply(source: str, changes: Mapping[str, Sequence[Instance]]) -> None:
        """Replace what ``source`` said of each service named in ``changes``.

        Services not named keep what they have. An empty sequence means that the
        source knows the service no more.
        """

    def replace(source: str, services: Mapping[str, Sequence[Instance]]) -> None:
        """Replace all that ``source`` ever said by ``services``."""


class IFactsSource(Interface):
    """A source of facts, as the status site sees it."""

    quarantine = Attribute("Entries that cannot be instances: a tuple of Quarantined.")

    def state() -> SourceState:
        """How it is doing right now."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What is routed of one service although its source does not list it any more.

    :ivar since_s: seconds since it is held; ``left_s`` until it is let go.
    """

    service: str
    instances: int
    why: str
    since_s: float
    left_s: float


class IGuard(Interface):
    """Holds what vanished from a source, for an operator to see and to release."""

    def holds() -> Sequence[Hold]:
        """What is held, by service."""

    def release(service: str | None = None) -> int:
        """Let go what is held of a service, or of all; how many instances that were."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a blocking read of the catalog returned.

    :ivar index: pass it, as it is, to the next read to wait for a change; at least 1.
        It may know more than its number: which agent gave it.
    :ivar last_contact_ms: how stale the answering server may be; 0 when fresh or
        not said.
    :ivar known_leader: whether the cluster had a leader; true when not said.
    :ivar quarantined: entries that ``data`` leaves out, because they were unusable.
    :ivar stale: it may be older than ``consul.max_stale`` allows: there was no leader
        to ask. It is not older than ``index`` was.
    :ivar filtered_by_acls: the token's rights did not suffice to see all. Consul says
        so since 1.11; false when not said.
    """

    index: int
    data: Any
    last_contact_ms: int = 0
    known_leader: bool = True
    quarantined: tuple[Quarantined, ...] = ()
    stale: bool = False
    filtered_by_acls: bool = False


class IConsulClient(Interface):
    """The part of Consul's HTTP API that the router and the registrar use.

    Every method returns a Deferred that fails with :class:`CatalogError` for
    anything that goes wrong on the way, in a bounded time, and that can be cancelled.
    ``index=0`` reads at once; else the read waits up to ``wait_s`` for a change.

    An error of status 429 or 503 is Consul's way to say that it is busy: ask less.
    """

    def services(index: int = 0, wait_s: float = 0.0) -> Deferred[Answer]:
        """``{service name: [tag, ...]}`` of the catalog (``/v1/catalog/services``)."""

    def health(service: str, index: int = 0, wait_s: float = 0.0) -> Deferred[Answer]:
        """Every instance of a service as :class:`twisted_router.model.Instance`.

        ``data`` is a tuple, all statuses included (``/v1/health/service/NAME``).
        """

    def checks(
        index: int = 0, wait_s: float = 0.0, status: str = "any"
    ) -> Deferred[Answer]:
        """Checks of the whole cluster, undecoded (``/v1/health/state/STATUS``)."""

    def summaries(index: int = 0, wait_s: float = 0.0) -> Deferred[Answer]:
        """``{service name: summary}`` (``/v1/internal/ui/services``).

        What Consul's own pages show: how many instances and checks a service has, and
        on which nodes. The API does not promise it: compare a summary with an earlier
        one and do nothing else with it. Fails with a status where there are none.
        """

    def agent_self() -> Deferred[dict[str, Any]]:
        """What the agent says of itself (``/v1/agent/self``)."""

    def agent_services() -> Deferred[dict[str, dict[str, Any]]]:
        """``{service id: service}`` of this agent only (``/v1/agent/services``)."""

    def agent_checks() -> Deferred[dict[str, dict[str, Any]]]:
        """``{check id: check}`` of this agent only (``/v1/agent/checks``)."""

    def register(
        payload: Mapping[str, Any], keep_checks: bool = False
    ) -> Deferred[None]:
        """Register a service with the agent; ``payload`` is Consul's own JSON.

        :param keep_checks: leave the checks that the service has and the payload does
            not name, maintenance mode above all; else they are dropped.
        """

    def deregister(service_id: str) -> Deferred[None]:
        """Deregister; an unknown id is no error."""

    def maintenance(service_id: str, enable: bool, reason: str = "") -> Deferred[None]:
        """Turn a service's maintenance mode on or off.

        Fails with status 404 for an unknown id.
        """

    def report(check_id: str, status: str, output: str = "") -> Deferred[None]:
        """Set the status of a TTL check: ``passing``, ``warning`` or ``critical``.

        Fails with status 404, or 500 up to Consul 1.8, for an unknown id.
        """

    def close() -> Deferred[None]:
        """Close idle connections; fires when the last one is gone."""


class IDockerClient(Interface):
    """The read-only part of Docker's Engine API that the registrar uses.

    Every method returns a Deferred that fails with :class:`DockerError` for anything
    that goes wrong on the way, in a bounded time, and that can be cancelled.
    """

    def ping() -> Deferred[str]:
        """Negotiate: the API version to be used from now on, such as ``1.41``."""

    def info() -> Deferred[dict[str, Any]]:
        """``/info``: the engine's name and versions."""

    def containers() -> Deferred[list[dict[str, Any]]]:
        """Running containers, as ``/containers/json`` lists them."""

    def inspect(container_id: str) -> Deferred[dict[str, Any] | None]:
        """``/containers/ID/json``; ``None`` when there is no such container."""

    def events(
        on_event: Callable[[dict[str, Any]], None], since: str = ""
    ) -> EventStream:
        """Open the event stream of containers and networks.

        :param on_event: called with each decoded event; must not raise.
        :param since: ``seconds.nanoseconds`` of the first event wanted, inclusive.
        """

    def close() -> Deferred[None]:
        """Close idle connections; fires when the last one is gone."""


@dataclass(frozen=True, slots=True)
class EventStream:
    """An event stream that was asked for.

    :ivar opened: fires with ``None`` when the engine has answered: no event after
        this moment is lost. Fails with :class:`DockerError`.
    :ivar ended: fires with ``None`` when the stream is over, whatever ended it;
        never fails. Cancel it to close the stream.
    """

    opened: Deferred[None]
    ended: Deferred[None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether somebody is who may ask.

    :ivar challenge: the WWW-Authenticate value to refuse with; ``b""`` when it is not
        known now, and nobody can be let in.
    """

    granted: bool
    challenge: bytes = b""


class IAuthenticator(Interface):
    """Knows who may use the routes that demand a user and a password."""

    def check(schemes: Sequence[str], authorization: bytes) -> Deferred[Verdict]:
        """Whether a request may pass every one of these schemes; never fails.

        Often it has fired already. Cancel it when nobody wants to know any more.

        :param authorization: the value of the request's Authorization field, ``b""``
            if it has none.
        """


class IRouteTables(Interface):
    """Holds the current routing table."""

    table = Attribute("The current RouteTable, replaced in one assignment.")

    def subscribe(listener: Callable[[Any], None]) -> None:
        """Call ``listener(TableChange)`` after each swap."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the facts or the routes, for those who ask later.

    :ivar number: counts up from 1 for each run of the router.
    :ivar at_s: when, in seconds since the epoch.
    :ivar kind: what sort of thing: ``routes``, ``guard`` ...
    :ivar source: whose facts it is about.
    :ivar index: the highest index of that source's origin by then; 0 if unknown.
    :ivar text: what happened, in one line.
    :ivar details: more of it, as JSON can hold it; bounded by who recorded it.
    """

    number: int
    at_s: float
    kind: str
    source: str
    index: int
    text: str
    details: Mapping[str, Any]


class IEventLog(Interface):
    """Remembers the last things that happened; a bounded number of them."""

    def record(
        kind: str, source: str, text: str, details: Mapping[str, Any] | None = None
    ) -> None:
        """Remember one thing, of now; see :class:`Event`."""

    def after(number: int) -> Sequence[Event]:
        """What is remembered of events with a higher number, the oldest first."""
