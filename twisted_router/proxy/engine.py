"""What all connections of the data plane share."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Callable
from email.utils import formatdate

from ..config.schema import Config
from ..interfaces import IAuthenticator, IRouteTables
from ..net.deadlines import Sweeper
from ..net.tls import ClientTls
from ..net.transport import Connect
from ..routing.balance import Balancer
from .access_log import AccessLog
from .counters import Counters
from .downstream import ClientConnection
from .head import HeadLimits
from .pool import ConnectionPool


class RequestIds:
    """Makes request ids: UUIDs whose last group counts up.

    A random prefix for the process and a counter are unique without a system call for
    each request. Nothing may depend on such an id being unguessable.
    """

    def __init__(self, rng: random.Random) -> None:
        text = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        self._prefix = text[:24].encode("ascii")
        self._next = itertools.count(rng.getrandbits(40)).__next__

    def make(self) -> bytes:
        """A new id: 36 bytes, 8-4-4-4-12 hexadecimal digits."""
        return b"%b%012x" % (self._prefix, self._next() & 0xFFFFFFFFFFFF)


class Engine:
    """The parts that a connection works with, and the limits it keeps.

    :param connect: dials instances; ``client_tls`` adds TLS where a tag wants it.
    :param authenticator: asked where a route demands a user.
    :param seconds: a precise monotonic clock, for durations.
    :param wall_s: seconds since the epoch, for logs and Date fields.
    :ivar clients: the connections of clients that are open.
    :ivar via: what is added to messages received as HTTP/1.0 and as 1.1, or nothing.
    :ivar draining: set at stop: every response then closes its connection.
    """

    # Every request reads a dozen of these. Python finds them the fastest while they are
    # fewer than 30 (they share their names with the class then), or in slots.
    __slots__ = (
        "_date",
        "_date_s",
        "access_log",
        "authenticator",
        "backend_idle_timeout",
        "balancer",
        "body_idle_timeout",
        "client_idle_timeout",
        "client_tls",
        "clients",
        "config",
        "counters",
        "dial_timeout_s",
        "draining",
        "endpoint_timeout",
        "first_head_timeout",
        "make_request_id",
        "max_attempts",
        "max_body_bytes",
        "max_chunk_line_bytes",
        "max_idle",
        "max_trailer_bytes",
        "pool",
        "read_header_timeout",
        "request_limits",
        "response_limits",
        "seconds",
        "sweeper",
        "tables",
        "tunnel_idle_timeout",
        "via",
        "wall_s",
    )

    def __init__(
        self,
        config: Config,
        tables: IRouteTables,
        balancer: Balancer,
        sweeper: Sweeper,
        connect: Connect,
        client_tls: ClientTls,
        counters: Counters,
        access_log: AccessLog | None,
        authenticator: IAuthenticator,
        seconds: Callable[[], float],
        wall_s: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self.config = config
        self.tables = tables
        self.balancer = balancer
        self.sweeper = sweeper
        self.counters = counters
        self.access_log = access_log
        self.authenticator = authenticator
        self.seconds = seconds
        self.wall_s = wall_s
        self.make_request_id = RequestIds(rng).make
        self.client_tls = client_tls
        self.pool = ConnectionPool(self, connect)
        self.clients: set[ClientConnection] = set()
        self.draining = False
        self.request_limits = HeadLimits(
            config.max_request_header_bytes,
            config.max_request_headers,
            config.max_request_target_bytes,
        )
        self.response_limits = HeadLimits(
            config.max_response_header_bytes, config.max_response_headers
        )
        self.read_header_timeout = sweeper.timeout(config.read_header_timeout)
        self.first_head_timeout = sweeper.timeout(
            config.read_header_timeout or config.frontend_idle_timeout
        )
        self.dial_timeout_s = config.endpoint_dial_timeout
        self.endpoint_timeout = sweeper.timeout(config.endpoint_timeout)
        self.body_idle_timeout = sweeper.timeout(config.body_idle_timeout)
        self.client_idle_timeout = sweeper.timeout(config.frontend_idle_timeout)
        self.backend_idle_timeout = sweeper.timeout(config.backends.idle_timeout)
        self.tunnel_idle_timeout = sweeper.timeout(config.tunnel_idle_timeout)
        self.max_attempts = max(1, config.backends.max_attempts)
        self.max_idle = config.backends.max_idle
        self.max_body_bytes = config.max_request_body_bytes
        self.max_chunk_line_bytes = config.max_chunk_line_bytes
        self.max_trailer_bytes = config.max_trailer_bytes
        # Via fields (RFC 9110 7.6.3) for messages of HTTP/1.0 and 1.1; none by default.
        self.via: tuple[bytes, ...] = ()
        if config.via:
            name = config.via.encode("ascii")
            self.via = tuple(b"Via: 1.%d %b\r\n" % (n, name) for n in (0, 1))
        self._date_s = -1
        self._date = b""

    def date(self) -> bytes:
        """The value of a Date field for now (RFC 9110 5.6.7)."""
        now_s = int(self.wall_s())
        if now_s != self._date_s:
            self._date_s = now_s
            self._date = formatdate(now_s, usegmt=True).encode("ascii")
        return self._date
