"""What request and response heads have in common: grammar, limits, refusals.

Whole heads are checked and searched with compiled expressions; what is forwarded is
the raw head with a few fields cut out, so that nothing is lost or reordered by it.
Anything that two readers could understand differently is refused (RFC 9112).
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass

#: Body length of a chunked message.
CHUNKED = -1
#: Body length of a response that ends with its connection.
UNTIL_CLOSE = -2

# Note [Repeated groups]
# No expression here may look back for another reading of what it has read: "++" and
# "*+" say so, but only of single characters. Repeated groups stand in "(?>...)", which
# says the same: CPython up to 3.11.4 reads a possessive group wrongly where it holds a
# choice (github.com/python/cpython/issues/106052), and Debian 12 has 3.11.2.

# Parts of expressions. TEXT is field-vchar, obs-text, SP and HTAB (RFC 9110 5.5): no
# CR, LF, NUL or other control.
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
TEXT = rb"[\t\x20-\x7e\x80-\xff]"
FIELD = TOKEN + rb"++:" + TEXT + rb"*+\r\n"
FIELDS = rb"(?>(?:" + FIELD + rb")*)"

TRAILER_SECTION = re.compile(FIELDS + rb"\r\n")
NAMED_FIELD = re.compile(rb"([^:\r\n]++):[^\r]*\r\n")

DIGITS = re.compile(rb"[0-9]{1,18}")
_ONE_TOKEN = re.compile(TOKEN + rb"++")
_PROTOCOL = re.compile(TOKEN + rb"++(?>(?:/" + TOKEN + rb"++)?)")

# Never removed because a Connection field names them: they decide where a message
# goes, how it is read and where it ends, or tell what earlier proxies vouch for.
_NOT_NOMINABLE = frozenset(
    b"host content-length transfer-encoding close keep-alive expect date forwarded via "
    b"x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port x-real-ip "
    b"x-request-id x-vcap-request-id".split()
)


class HeadError(Exception):
    """A message that is refused.

    :ivar status: what the sender of a request is told.
    :ivar reason: a short text, free of the message's own bytes.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """Limits of one kind of head; 0 = none."""

    head_bytes: int
    fields: int
    target_bytes: int = 0


def too_many_fields(head: bytes, limits: HeadLimits) -> bool:
    """Whether ``head`` has more fields than it may."""
    # A field takes 4 bytes at least, so a short head need not be counted.
    most = limits.fields
    return 0 < most < len(head) // 4 and head.count(b"\n") - 2 > most


def read_length(value: bytes, status: int = 400) -> int:
    """The number of a Content-Length: digits, nothing else (RFC 9110 8.6)."""
    if not DIGITS.fullmatch(value):
        raise HeadError(status, "malformed Content-Length")
    return int(value)


def read_connection(
    value: bytes | None, minor: int, status: int
) -> tuple[bool, Set[bytes]]:
    """What the Connection fields say: RFC 9110 7.6.1, RFC 9112 9.3.

    :param value: all of them, lower-cased and joined by commas; ``None`` for none.
    :param minor: of the message's HTTP/1.x.
    :param status: of the refusal, if they are malformed.
    :returns: whether the connection may go on after the message; and the other
        options: those that are not about this.
    """
    if value is None:
        return minor == 1, _NO_OPTIONS
    options = set()
    for option in value.split(b","):
        option = option.strip(b"\t ")
        if option:
            if not _ONE_TOKEN.fullmatch(option):
                raise HeadError(status, "malformed Connection header")
            options.add(option)
    goes_on = b"close" not in options and (minor == 1 or b"keep-alive" in options)
    return goes_on, options - _PERSISTENCE


_PERSISTENCE = frozenset([b"close", b"keep-alive"])
_NO_OPTIONS: frozenset[bytes] = frozenset()


def tunnelled_protocols(upgrade: bytes) -> bytes | None:
    """Those protocols of an Upgrade field that may be passed on; ``None`` = malformed.

    Not other versions of HTTP: behind such a tunnel a client could reach paths and
    hosts that the router would not route. Not TLS: it would end somewhere else.
    """
    allowed = []
    for protocol in upgrade.split(b","):
        protocol = protocol.strip(b"\t ")
        if protocol:
            if not _PROTOCOL.fullmatch(protocol):
                return None
            if not protocol.lower().startswith((b"h2c", b"http/", b"tls/")):
                allowed.append(protocol)
    return b", ".join(allowed)


def kept_fields(head: bytes, start: int, kept: list[bytes]) -> bytes:
    """All fields that are kept, the last of them those from ``start`` on."""
    if not kept:
        return head[start:-2]
    kept.append(head[start:-2])
    return b"".join(kept)


def without_nominated(fields: bytes, tokens: Set[bytes]) -> bytes:
    """``fields`` less those that a Connection field declares hop-by-hop."""
    names = tokens - _NOT_NOMINABLE
    return b"".join(
        field[0]
        for field in NAMED_FIELD.finditer(fields)
        if field[1].lower() not in names
    )


# Fields that may not stand in a trailer (RFC 9110 6.5.1): framing, routing,
# authentication, connection control, and what the proxy itself vouches for.
_NOT_IN_TRAILERS = frozenset(
    b"host connection content-length transfer-encoding expect upgrade te trailer "
    b"keep-alive proxy-connection proxy-authorization proxy-authenticate authorization "
    b"www-authenticate cookie set-cookie set-cookie2 content-encoding content-range "
    b"content-type cache-control max-forwards range age date expires location "
    b"retry-after vary warning forwarded x-forwarded-for x-forwarded-proto "
    b"x-forwarded-host x-forwarded-port x-real-ip x-request-id "
    b"x-vcap-request-id".split()
)


def allowed_trailers(section: bytes) -> bytes:
    """The fields of a (checked) trailer section that may be passed on."""
    return b"".join(
        field[0]
        for field in NAMED_FIELD.finditer(section)
        if field[1].lower() not in _NOT_IN_TRAILERS
    )
