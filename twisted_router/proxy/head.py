"""The grammar of message heads: raw bytes to what a proxy must know, strictly.

Whole heads are checked and searched with compiled expressions; what is forwarded is
the raw head with a few fields cut out, so that nothing is lost or reordered by it.
Anything that two readers could understand differently is refused (RFC 9112).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Body length of a chunked message.
CHUNKED = -1
#: Body length of a response that ends with its connection.
UNTIL_CLOSE = -2

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
# field-vchar, obs-text, SP and HTAB (RFC 9110 5.5): no CR, LF, NUL or other control.
_TEXT = rb"[\t\x20-\x7e\x80-\xff]"
_FIELD = _TOKEN + rb"++:" + _TEXT + rb"*+\r\n"
_FIELDS = rb"(?:" + _FIELD + rb")*+"
# No "#": a fragment is no part of a request target (RFC 9112 3.2).
_TARGET = rb"[\x21\x22\x24-\x7e]++"

_REQUEST_HEAD = re.compile(
    rb"(" + _TOKEN + rb"++) (" + _TARGET + rb") HTTP/1\.([01])\r\n" + _FIELDS + rb"\r\n"
)
_RESPONSE_HEAD = re.compile(
    rb"HTTP/1\.([01]) (([1-9][0-9]{2})(?: " + _TEXT + rb"*+)?)\r\n" + _FIELDS + rb"\r\n"
)
TRAILER_SECTION = re.compile(_FIELDS + rb"\r\n")
_REQUEST_LINE = re.compile(
    rb"(" + _TOKEN + rb"+) (" + _TARGET + rb") HTTP/([0-9])\.([0-9])\r\n"
)
_FIELD_LINE = re.compile(_FIELD)

# A name or address, with a port or without (RFC 3986 3.2.2), or nothing; no comma,
# which would make a list of it, and no user.
_HOST = rb"(?:(?:[A-Za-z0-9._~!$&'()*+;=%\-]++|\[[0-9A-Fa-f:.]++\])(?::[0-9]{0,5})?+)?+"

# Fields that the proxy acts on, searched in the lower-cased head. The value of a
# well-formed Host is the first group, any other name and value the others.
_REQUEST_ACTS = re.compile(
    rb"\n(?:host:[\t ]*+(" + _HOST + rb")[\t ]*+(?=\r)"
    rb"|(host|connection|content-length|transfer-encoding|expect|upgrade|te"
    rb"|keep-alive|proxy-(?:connection|authorization|authenticate)"
    rb"|x-forwarded-(?:for|proto|host|port)|x-real-ip|x-(?:vcap-)?request-id"
    rb"):[\t ]*+([^\r]*+))"
)
_RESPONSE_ACTS = re.compile(
    rb"\n(connection|content-length|transfer-encoding|date|upgrade|keep-alive|te"
    rb"|proxy-(?:connection|authorization|authenticate)|x-vcap-request-id"
    rb"):[\t ]*+([^\r]*+)"
)
_NAMED_FIELD = re.compile(rb"([^:\r\n]++):[^\r]*\r\n")

_DIGITS = re.compile(rb"[0-9]{1,18}")
_ONE_TOKEN = re.compile(_TOKEN + rb"++")
_PROTOCOL = re.compile(_TOKEN + rb"++(?:/" + _TOKEN + rb"++)?+")
_ABSOLUTE = re.compile(rb"(?i:https?)://(?=[^/?])(" + _HOST + rb")(?![^/?])([^?]*+)")
#: A request id that may be kept: printable, no separators of logs or shells.
_SANE_ID = re.compile(rb"[A-Za-z0-9._~:/+=@\-]{1,128}")

# Never removed because a Connection field names them: they decide where a message
# goes, how it is read and where it ends, or tell what earlier proxies vouch for.
_NOT_NOMINABLE = frozenset(
    b"host content-length transfer-encoding close keep-alive expect date forwarded "
    b"x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port x-real-ip "
    b"x-request-id x-vcap-request-id".split()
)
# Registered codings that the proxy does not implement (RFC 9112 7.2): 501, not 400.
_KNOWN_CODINGS = frozenset([b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress"])


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


class RequestHead:
    """What the proxy knows of a request.

    :ivar target: as received; ``path`` is its path, for routing.
    :ivar minor: 0 or 1, of HTTP/1.x.
    :ivar host: where it wants to go: Host, or the authority of an absolute target.
    :ivar fields: all fields to be forwarded, each with its line end. Without Host,
        Transfer-Encoding, hop-by-hop fields, X-Forwarded-For and the request ids.
    :ivar length: of the body in bytes, or :data:`CHUNKED`.
    :ivar keep_alive: whether the client allows another request on its connection.
    :ivar upgrade: the protocols offered, ``b""`` for none.
    :ivar expects: whether the client waits for 100 (Continue).
    :ivar trailers: whether the client accepts trailers (``TE: trailers``).
    :ivar forwarded: which of the X-Forwarded fields other than -For, and X-Real-IP,
        are already there: lower-case names.
    """

    __slots__ = (
        "expects",
        "fields",
        "forwarded",
        "forwarded_for",
        "host",
        "keep_alive",
        "length",
        "method",
        "minor",
        "path",
        "request_id",
        "target",
        "trailers",
        "upgrade",
    )

    method: bytes
    target: bytes
    path: bytes
    minor: int
    host: bytes
    fields: bytes
    length: int
    keep_alive: bool
    upgrade: bytes
    expects: bool
    trailers: bool
    forwarded_for: bytes
    forwarded: frozenset[bytes]
    request_id: bytes


class ResponseHead:
    """What the proxy knows of a response.

    :ivar status_text: status code and reason, to be forwarded.
    :ivar fields: as for requests; without Transfer-Encoding and hop-by-hop fields.
    :ivar length: of the body in bytes, :data:`CHUNKED` or :data:`UNTIL_CLOSE`.
    :ivar reusable: whether the connection may serve another request afterwards.
    :ivar upgrade: the protocol switched to, ``b""`` for none.
    :ivar has_date: a Date field is there; likewise ``has_request_id``.
    """

    __slots__ = (
        "fields",
        "has_date",
        "has_request_id",
        "length",
        "minor",
        "reusable",
        "status",
        "status_text",
        "upgrade",
    )

    status: int
    status_text: bytes
    minor: int
    fields: bytes
    length: int
    reusable: bool
    upgrade: bytes
    has_date: bool
    has_request_id: bool


_NONE: frozenset[bytes] = frozenset()
_SLASH = 0x2F


def parse_request_head(head: bytes, limits: HeadLimits) -> RequestHead:
    """Read a complete request head.

    :param head: from the request line to the empty line, inclusive.
    :raises HeadError: with the status to answer.

    Field syntax: RFC 9110 5.5; request line: RFC 9112 3; Host: RFC 9112 3.2; framing:
    RFC 9112 6.3. Stricter than these: no obsolete folding, no repeated
    Content-Length, no Transfer-Encoding but ``chunked``.
    """
    match = _REQUEST_HEAD.fullmatch(head)
    if match is None:
        raise _why_malformed(head)
    request = RequestHead()
    method, target, minor = match.groups()
    request.method = method
    request.target = target
    request.minor = 1 if minor == b"1" else 0
    start = match.end(3) + 2
    # A field takes 4 bytes at least, so a short head need not be counted.
    if limits.fields and len(head) > 4 * limits.fields:
        if head.count(b"\n", start) - 1 > limits.fields:
            raise HeadError(431, "too many header fields")
    if limits.target_bytes and len(target) > limits.target_bytes:
        raise HeadError(414, "request target too long")

    host: bytes | None = None
    connection: bytes | None = None
    codings: bytes | None = None
    length: bytes | None = None
    upgrade = forwarded_for = request_id = vcap_id = b""
    forwarded = _NONE
    request.expects = trailers = False
    kept: list[bytes] = []
    for act in _REQUEST_ACTS.finditer(head.lower(), start - 1):
        name = act[2]
        first, end = act.span()
        if name is None:
            if host is not None:
                raise HeadError(400, "more than one Host field")
            host = head[act.start(1) : act.end(1)]
        elif name == b"connection":
            value = act[3]
            connection = value if connection is None else connection + b"," + value
        elif name == b"content-length":
            if length is not None:
                raise HeadError(400, "more than one Content-Length field")
            length = act[3].rstrip(b"\t ")
            continue
        elif name == b"transfer-encoding":
            value = act[3].rstrip(b"\t ")
            codings = value if codings is None else codings + b"," + value
        elif name == b"x-forwarded-for":
            value = head[act.start(3) : end].rstrip(b"\t ")
            if value:
                before = forwarded_for
                forwarded_for = before + b", " + value if before else value
        elif name == b"x-request-id":
            value = head[act.start(3) : end].rstrip(b"\t ")
            request_id = value if _SANE_ID.fullmatch(value) else b""
        elif name == b"x-vcap-request-id":
            value = head[act.start(3) : end].rstrip(b"\t ")
            vcap_id = value if _SANE_ID.fullmatch(value) else b""
        elif name == b"expect":
            if act[3].rstrip(b"\t ") != b"100-continue":
                continue
            # An expectation of an HTTP/1.0 client is ignored (RFC 9110 10.1.1).
            if request.minor:
                request.expects = True
                continue
        elif name == b"upgrade":
            value = head[act.start(3) : end].rstrip(b"\t ")
            upgrade = upgrade + b"," + value if upgrade else value
        elif name == b"te":
            options = [option.strip(b"\t ") for option in act[3].split(b",")]
            trailers = trailers or b"trailers" in options
        elif name.startswith(b"x-"):
            if act[3].rstrip(b"\t "):
                forwarded = forwarded | {name}
                continue
        elif name == b"host":
            raise HeadError(400, "malformed Host header")
        if first >= start:
            kept.append(head[start : first + 1])
        start = end + 2

    if host is None:
        if request.minor:
            raise HeadError(400, "missing required Host header")
        host = b""
    request.host = host
    if target[0] == _SLASH and method != b"CONNECT":
        query = target.find(b"?")
        request.path = target if query < 0 else target[:query]
    else:
        _read_target(request)
    if codings is not None:
        _check_request_codings(request, codings, length)
        request.length = CHUNKED
    elif length is None:
        request.length = 0
    else:
        request.length = _read_length(length)
    request.forwarded_for = forwarded_for
    request.forwarded = forwarded
    request.request_id = request_id or vcap_id

    request.fields = _rest(head, start, kept)
    request.keep_alive = request.minor == 1
    request.upgrade = b""
    request.trailers = False
    if connection is not None:
        if connection == b"keep-alive":
            request.keep_alive = True
        elif connection == b"close":
            request.keep_alive = False
        else:
            tokens = _connection_tokens(connection, 400)
            if b"close" in tokens:
                request.keep_alive = False
            elif b"keep-alive" in tokens:
                request.keep_alive = True
            # Without their nomination these two mean nothing (RFC 9110 7.8, 10.1.4).
            if upgrade and b"upgrade" in tokens:
                request.upgrade = _allowed_upgrade(request, upgrade)
            request.trailers = trailers and b"te" in tokens
            request.fields = _without_nominated(request.fields, tokens)
    return request


def parse_response_head(
    head: bytes, limits: HeadLimits, is_head: bool = False
) -> ResponseHead:
    """Read a complete response head.

    :param is_head: the request was HEAD, so that no body follows (RFC 9112 6.3).
    :raises HeadError: with status 502.
    """
    match = _RESPONSE_HEAD.fullmatch(head)
    if match is None:
        raise HeadError(502, "malformed response head")
    response = ResponseHead()
    minor, status_text, code = match.groups()
    response.minor = 1 if minor == b"1" else 0
    response.status = status = int(code)
    # The space stays where there is no reason (RFC 9112 4).
    response.status_text = status_text if len(status_text) > 3 else status_text + b" "
    start = match.end(2) + 2
    if limits.fields and len(head) > 4 * limits.fields:
        if head.count(b"\n", start) - 1 > limits.fields:
            raise HeadError(502, "Too many response headers")

    connection: bytes | None = None
    codings: bytes | None = None
    length: bytes | None = None
    upgrade = b""
    response.has_date = response.has_request_id = False
    kept: list[bytes] = []
    for act in _RESPONSE_ACTS.finditer(head.lower(), start - 1):
        name = act[1]
        if name == b"content-length":
            if length is not None:
                raise HeadError(502, "more than one Content-Length field")
            length = act[2].rstrip(b"\t ")
            if status != 204 and status >= 200:
                continue
            # Not allowed there (RFC 9110 8.6), so not passed on.
        elif name == b"date":
            response.has_date = True
            continue
        elif name == b"connection":
            value = act[2]
            connection = value if connection is None else connection + b"," + value
        elif name == b"transfer-encoding":
            value = act[2].rstrip(b"\t ")
            codings = value if codings is None else codings + b"," + value
        elif name == b"upgrade":
            value = head[act.start(2) : act.end(2)].rstrip(b"\t ")
            upgrade = upgrade + b", " + value if upgrade else value
        elif name == b"x-vcap-request-id":
            response.has_request_id = True
            continue
        first, end = act.span()
        if first >= start:
            kept.append(head[start : first + 1])
        start = end + 2
    response.fields = _rest(head, start, kept)
    response.upgrade = upgrade

    if codings is not None:
        if length is not None:
            raise HeadError(502, "both Content-Length and Transfer-Encoding")
        if codings != b"chunked" or not response.minor:
            raise HeadError(502, "unsupported Transfer-Encoding")
        response.length = CHUNKED
    elif length is not None:
        response.length = _read_length(length, 502)
    else:
        response.length = UNTIL_CLOSE
    if is_head or status == 304 or status == 204 or status < 200:
        response.length = 0
    response.reusable = response.minor == 1
    if connection is not None:
        if connection == b"keep-alive":
            response.reusable = True
        elif connection == b"close":
            response.reusable = False
        else:
            tokens = _connection_tokens(connection, 502)
            if b"close" in tokens:
                response.reusable = False
            elif b"keep-alive" in tokens:
                response.reusable = True
            response.fields = _without_nominated(response.fields, tokens)
    if response.length == UNTIL_CLOSE:
        response.reusable = False
    return response


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
        for field in _NAMED_FIELD.finditer(section)
        if field[1].lower() not in _NOT_IN_TRAILERS
    )


def _read_target(request: RequestHead) -> None:
    """Set path, and host for the absolute form, of the rarer targets: RFC 9112 3.2."""
    method, target = request.method, request.target
    if method == b"CONNECT":
        if target[0] == _SLASH:
            raise HeadError(400, "malformed request target")
        raise HeadError(501, "CONNECT is not supported")
    if target == b"*" and method == b"OPTIONS":
        request.path = b"/"
        return
    absolute = _ABSOLUTE.match(target)
    if absolute is None:
        raise HeadError(400, "malformed request target")
    host, path = absolute.groups()
    # It replaces a Host field that says something else (RFC 9112 3.2.2).
    request.host = host
    request.path = path or b"/"


def _read_length(value: bytes, status: int = 400) -> int:
    """The number of a Content-Length: digits, nothing else (RFC 9110 8.6)."""
    if not _DIGITS.fullmatch(value):
        raise HeadError(status, "malformed Content-Length")
    return int(value)


def _check_request_codings(
    request: RequestHead, codings: bytes, length: bytes | None
) -> None:
    """Only ``chunked``, alone, in HTTP/1.1: RFC 9112 6.1."""
    if length is not None:
        raise HeadError(400, "both Content-Length and Transfer-Encoding")
    if not request.minor:
        raise HeadError(400, "Transfer-Encoding in an HTTP/1.0 request")
    if codings == b"chunked":
        return
    names = [name.strip(b"\t ") for name in codings.split(b",")]
    if names[-1] == b"chunked" and _KNOWN_CODINGS.issuperset(names[:-1]):
        raise HeadError(501, "unsupported transfer coding")
    raise HeadError(400, "malformed Transfer-Encoding")


def _connection_tokens(value: bytes, status: int) -> set[bytes]:
    """The options of all (lower-cased) Connection fields: RFC 9110 7.6.1."""
    tokens = set()
    for token in value.split(b","):
        token = token.strip(b"\t ")
        if token:
            if not _ONE_TOKEN.fullmatch(token):
                raise HeadError(status, "malformed Connection header")
            tokens.add(token)
    return tokens


def _allowed_upgrade(request: RequestHead, upgrade: bytes) -> bytes:
    """The offered protocols that may be passed on.

    Not h2c: behind such a tunnel a client could reach paths and hosts that the
    router would not route. Not with a body, whose end and the tunnel's start could
    be read differently; not from HTTP/1.0 (RFC 9110 7.8).
    """
    if request.length or not request.minor:
        return b""
    offered = []
    for protocol in upgrade.split(b","):
        protocol = protocol.strip(b"\t ")
        if protocol:
            if not _PROTOCOL.fullmatch(protocol):
                raise HeadError(400, "malformed Upgrade header")
            if not protocol.lower().startswith((b"h2c", b"http/", b"tls/")):
                offered.append(protocol)
    return b", ".join(offered)


def _rest(head: bytes, start: int, kept: list[bytes]) -> bytes:
    """All fields that are kept, the last of them those from ``start`` on."""
    if not kept:
        return head[start:-2]
    kept.append(head[start:-2])
    return b"".join(kept)


def _without_nominated(fields: bytes, tokens: set[bytes]) -> bytes:
    """``fields`` less those that a Connection field declares hop-by-hop."""
    names = tokens - _NOT_NOMINABLE
    return b"".join(
        field[0]
        for field in _NAMED_FIELD.finditer(fields)
        if field[1].lower() not in names
    )


def _why_malformed(head: bytes) -> HeadError:
    """Name what is wrong with a request head that did not match."""
    line = _REQUEST_LINE.match(head)
    if line is None:
        return HeadError(400, "malformed request line")
    if line[3] != b"1" or line[4] not in b"01":
        return HeadError(505, "only HTTP/1.0 and HTTP/1.1 are supported")
    position, end = line.end(), len(head) - 2
    number = 1
    while position < end:
        field = _FIELD_LINE.match(head, position)
        if field is None:
            return HeadError(400, f"malformed header field in line {number + 1}")
        position, number = field.end(), number + 1
    return HeadError(400, "malformed request head")
