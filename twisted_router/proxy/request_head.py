"""Request heads: what a proxy must know of them, strictly (RFC 9110, RFC 9112)."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address

from .head import (
    CHUNKED,
    DIGITS,
    FIELD,
    FIELDS,
    TEXT,
    TOKEN,
    HeadError,
    HeadLimits,
    kept_fields,
    read_connection,
    read_length,
    too_many_fields,
    tunnelled_protocols,
    without_nominated,
)

# No "#": a fragment is no part of a request target (RFC 9112 3.2).
_TARGET = rb"[\x21\x22\x24-\x7e]++"

_HEAD = re.compile(
    rb"(" + TOKEN + rb"++) (" + _TARGET + rb") HTTP/1\.([01])\r\n" + FIELDS + rb"\r\n"
)
_REQUEST_LINE = re.compile(
    rb"(" + TOKEN + rb"+) (" + _TARGET + rb") HTTP/([0-9])\.([0-9])\r\n"
)
_FIELD_LINE = re.compile(FIELD)

# A name or address, with a port or without (RFC 3986 3.2.2), or nothing; no comma,
# which would make a list of it, and no user.
_HOST = (
    rb"(?>(?:(?:(?>(?:[A-Za-z0-9._~!$&'()*+;=\-]|%[0-9A-Fa-f]{2})+)"
    rb"|\[[0-9A-Fa-f:.]++\])(?>(?::[0-9]{0,5})?))?)"
)

# Fields that the proxy acts on, searched in the lower-cased head. The value of a
# well-formed Host is the first group, any other name and value the others.
_ACTS = re.compile(
    rb"\n(?:host:[\t ]*+(" + _HOST + rb")[\t ]*+(?=\r)"
    rb"|(host|connection|content-length|transfer-encoding|expect|upgrade|te|max-forwards"
    rb"|keep-alive|proxy-(?:connection|authorization|authenticate)"
    rb"|x-forwarded-(?:for|proto|host|port)|x-real-ip|x-(?:vcap-)?request-id"
    rb"):[\t ]*+([^\r]*+))"
)

# Note [Plain heads]
# Most requests have no body and, of the fields that the proxy acts on, only Host and
# perhaps "Connection: keep-alive". One expression checks such a head and takes it
# apart, in half the time. It is narrower than the grammar: fields that begin like one
# to be acted on make a head not plain, so that it takes the long way, to the same end.
# So do the methods that know other targets than paths, and those with Max-Forwards.
# It also finds where the head ends, which searching for an empty line would do slower.
_NOT_PLAIN = (
    rb"(?:[Hh][Oo][Ss][Tt]:|[Cc][Oo][Nn]|[Tt][RrEe]|[Ee][Xx][Pp]|[Kk][Ee][Ee]"
    rb"|[Uu][Pp][Gg][Rr][Aa][Dd][Ee]:|[Pp][Rr][Oo][Xx]"
    rb"|[Xx]-(?:[FfVv]|[Rr][Ee](?:[Aa]|[Qq][Uu][Ee][Ss][Tt]-)))"
)
# Names by their first letter: the others can be none of these.
_OTHER_LETTER = rb"[!#$%&'*+\-.^_`|~0-9ABDFGIJLMNOQRSVWYZabdfgijlmnoqrsvwyz]"
_OTHERS = (
    rb"((?>(?:(?:" + _OTHER_LETTER + TOKEN + rb"*+|(?!" + _NOT_PLAIN + rb")" + TOKEN
    + rb"++):" + TEXT + rb"*+\r\n)*))"
)  # fmt: skip
PLAIN_HEAD = re.compile(
    rb"(?!CONNECT |OPTIONS |TRACE )(" + TOKEN + rb"++) "
    + rb"((/[\x21\x22\x24-\x3e\x40-\x7e]*+)(?>(?:\?" + _TARGET[:-2]
    + rb"*+)?)) HTTP/1\.1\r\n" + _OTHERS
    + rb"[Hh]ost: ([A-Za-z0-9._~\-]++(?>(?::[0-9]{1,5})?))\r\n" + _OTHERS
    + rb"(?>(?:[Cc]onnection: [Kk]eep-[Aa]live\r\n" + _OTHERS + rb")?)\r\n"
)  # fmt: skip

_ABSOLUTE = re.compile(rb"(?i:https?)://(?=[^/?])(" + _HOST + rb")(?![^/?])([^?]*+)")
#: A request id that may be kept: printable, no separators of logs or shells.
_SANE_ID = re.compile(rb"[A-Za-z0-9._~:/+=@\-]{1,128}")

# Registered codings that the proxy does not implement (RFC 9112 7.2): 501, not 400.
_KNOWN_CODINGS = frozenset([b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress"])

# Methods that count the servers on their way, and how far they may be counted.
_COUNTED_METHODS = frozenset([b"OPTIONS", b"TRACE"])
_MOST_HOPS = 256

_NONE: frozenset[bytes] = frozenset()
_SLASH = 0x2F


class RequestHead:
    """What the proxy knows of a request.

    :ivar target: in origin form (or ``*``), as an origin server is to see it: RFC 9112
        3.2.1; ``path`` is its path, for routing.
    :ivar minor: 0 or 1, of HTTP/1.x.
    :ivar host: where it wants to go: Host, or the authority of an absolute target.
    :ivar fields: all fields to be forwarded, each with its line end. Without Host,
        Transfer-Encoding, hop-by-hop fields, X-Forwarded-For and the request ids.
    :ivar length: of the body in bytes, or :data:`CHUNKED`.
    :ivar keep_alive: whether the client allows another request on its connection.
    :ivar upgrade: the protocols offered, ``b""`` for none.
    :ivar trailers: whether the client accepts trailers (``TE: trailers``).
    :ivar forwarded: which of the X-Forwarded fields other than -For, and X-Real-IP,
        are already there: lower-case names.
    """

    __slots__ = (
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
    trailers: bool
    forwarded_for: bytes
    forwarded: frozenset[bytes]
    request_id: bytes


class LastHopError(Exception):
    """A request that must go no further, and is answered here: RFC 9110 7.6.2.

    :ivar request: what is known of it.
    """

    def __init__(self, request: RequestHead) -> None:
        super().__init__("Max-Forwards is 0")
        self.request = request


def parse_request_head(head: bytes, limits: HeadLimits) -> RequestHead:
    """Read a complete request head.

    :param head: from the request line to the empty line, inclusive.
    :raises HeadError: with the status to answer.
    :raises LastHopError: it is well-formed, and not to be forwarded.

    Field syntax: RFC 9110 5.5; request line: RFC 9112 3; Host: RFC 9112 3.2; framing:
    RFC 9112 6.3. Stricter than these: no obsolete folding, no repeated
    Content-Length, no Transfer-Encoding but ``chunked``.
    """
    plain = PLAIN_HEAD.fullmatch(head)
    if plain is not None:
        return read_plain_head(plain, limits)
    return read_any_head(head, limits)


def read_plain_head(plain: re.Match[bytes], limits: HeadLimits) -> RequestHead:
    """Read a head that is at the beginning of what was received.

    :param plain: its match with :data:`PLAIN_HEAD`.
    :raises HeadError: it is over a limit.
    """
    method, target, path, before, host, between, after = plain.groups()
    if 0 < limits.fields < plain.end() // 4 or 0 < limits.target_bytes < len(target):
        _check_size(plain[0], target, limits)
    request = RequestHead()
    request.method = method
    request.target = target
    request.path = path
    request.minor = 1
    request.host = host
    request.fields = before + between + after if after else before + between
    request.length = 0
    request.keep_alive = True
    request.trailers = False
    request.upgrade = request.forwarded_for = request.request_id = b""
    request.forwarded = _NONE
    return request


def _check_size(head: bytes, target: bytes, limits: HeadLimits) -> None:
    if too_many_fields(head, limits):
        raise HeadError(431, "too many header fields")
    if 0 < limits.target_bytes < len(target):
        raise HeadError(414, "request target too long")


def read_any_head(head: bytes, limits: HeadLimits) -> RequestHead:
    """Read a head that need not be plain, as :func:`parse_request_head` does."""
    match = _HEAD.fullmatch(head)
    if match is None:
        raise _why_malformed(head)
    request = RequestHead()
    method, target, minor = match.groups()
    request.method = method
    request.target = target
    request.minor = 1 if minor == b"1" else 0
    start = match.end(3) + 2
    _check_size(head, target, limits)

    host: bytes | None = None
    connection: bytes | None = None
    codings: bytes | None = None
    length: bytes | None = None
    hops: int | None = None
    upgrade = forwarded_for = request_id = vcap_id = b""
    forwarded = _NONE
    trailers = False
    kept: list[bytes] = []
    for act in _ACTS.finditer(head.lower(), start - 1):
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
            # That of an HTTP/1.0 client is ignored (RFC 9110 10.1.1).
            if request.minor or act[3].rstrip(b"\t ") != b"100-continue":
                continue
        elif name == b"upgrade":
            value = head[act.start(3) : end].rstrip(b"\t ")
            upgrade = upgrade + b"," + value if upgrade else value
        elif name == b"te":
            options = [option.strip(b"\t ") for option in act[3].split(b",")]
            trailers = trailers or b"trailers" in options
        elif name == b"max-forwards":
            # Others ignore it, and pass it on.
            if method not in _COUNTED_METHODS:
                continue
            if hops is not None:
                raise HeadError(400, "more than one Max-Forwards field")
            hops = _read_hops(act[3].rstrip(b"\t "))
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
    elif host[:1] == b"[":
        _check_address(host)
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
        request.length = read_length(length)
    request.forwarded_for = forwarded_for
    request.forwarded = forwarded
    request.request_id = request_id or vcap_id

    request.fields = kept_fields(head, start, kept)
    request.keep_alive, nominated = read_connection(connection, request.minor, 400)
    request.upgrade = b""
    # Without their nomination TE and Upgrade mean nothing (RFC 9110 10.1.4, 7.8).
    request.trailers = trailers and b"te" in nominated
    if nominated:
        if upgrade and b"upgrade" in nominated:
            request.upgrade = _offered(request, upgrade)
        request.fields = without_nominated(request.fields, nominated)
    if method == b"TRACE" and request.length:
        # It would be sent on by us, whom RFC 9110 9.3.8 forbids that.
        raise HeadError(400, "content in a TRACE request")
    if hops is not None:
        if not hops:
            raise LastHopError(request)
        request.fields += b"Max-Forwards: %d\r\n" % (hops - 1)
    return request


def _read_hops(value: bytes) -> int:
    """How many more servers a request may see: RFC 9110 7.6.2."""
    if not DIGITS.fullmatch(value):
        raise HeadError(400, "malformed Max-Forwards header")
    return min(int(value), _MOST_HOPS)


def _check_address(host: bytes) -> None:
    """Refuse an address in brackets that is none."""
    try:
        IPv6Address(host[1 : host.index(b"]")].decode("ascii"))
    except AddressValueError:
        raise HeadError(400, "malformed Host header") from None


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
    if host[:1] == b"[":
        _check_address(host)
    # It replaces a Host field that says something else (RFC 9112 3.2.2).
    request.host = host
    request.path = path or b"/"
    rest = target[absolute.end(1) :]
    if path:
        request.target = rest
    else:
        # RFC 9112 3.2.1 and 3.2.4.
        request.target = b"/" + rest if rest or method != b"OPTIONS" else b"*"


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


def _offered(request: RequestHead, upgrade: bytes) -> bytes:
    """The protocols that an instance is offered.

    None with a body, whose end and the tunnel's start could be read differently; none
    from HTTP/1.0 (RFC 9110 7.8).
    """
    if request.length or not request.minor:
        return b""
    offered = tunnelled_protocols(upgrade)
    if offered is None:
        raise HeadError(400, "malformed Upgrade header")
    return offered


def _why_malformed(head: bytes) -> HeadError:
    """Name what is wrong with a request head that did not match."""
    if head.count(b"\n") != head.count(b"\r\n"):
        # First of all, as where a head comes in pieces.
        return HeadError(400, "line feed without carriage return")
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
