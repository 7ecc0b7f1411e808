"""Response heads: what a proxy must know of them, strictly (RFC 9110, RFC 9112)."""

from __future__ import annotations

import re

from .head import (
    CHUNKED,
    FIELDS,
    TEXT,
    TOKEN,
    UNTIL_CLOSE,
    HeadError,
    HeadLimits,
    kept_fields,
    read_connection,
    read_length,
    too_many_fields,
    tunnelled_protocols,
    without_nominated,
)

_HEAD = re.compile(
    rb"HTTP/1\.([01]) (([1-9][0-9]{2})(?: " + TEXT + rb"*+)?)\r\n" + FIELDS + rb"\r\n"
)
_SPACED_NAME = re.compile(rb"(?<=\n)(" + TOKEN + rb"++)[\t ]++:")
# Fields that the proxy acts on, searched in the lower-cased head.
_ACTS = re.compile(
    rb"\n(connection|content-length|transfer-encoding|date|upgrade|keep-alive|te"
    rb"|proxy-(?:connection|authorization|authenticate)|x-vcap-request-id"
    rb"):[\t ]*+([^\r]*+)"
)

# The most common head, as Note [Plain heads] in request_head tells: a final status
# with a Content-Length and, of the fields to be acted on, perhaps "Connection:
# keep-alive" and Date. 204 and 304 have rules of their own.
_NOT_PLAIN = (
    rb"(?:[Cc][Oo][Nn](?:[Nn][Ee]|[Tt][Ee][Nn][Tt]-[Ll])|[Tt][RrEe]|[Uu][Pp][Gg]"
    rb"|[Kk][Ee][Ee]|[Pp][Rr][Oo][Xx]|[Xx]-[Vv])"
)
_OTHERS = rb"((?>(?:(?!" + _NOT_PLAIN + rb")" + TOKEN + rb"++:" + TEXT + rb"*+\r\n)*))"
PLAIN_HEAD = re.compile(
    rb"HTTP/1\.1 ((?!204|304)([2-5][0-9]{2}) " + TEXT + rb"*+)\r\n"
    + rb"(" + _OTHERS[1:-1] + rb"[Cc]ontent-[Ll]ength: ([0-9]{1,18})\r\n"
    + _OTHERS[1:-1] + rb")"
    + rb"(?>(?:[Cc]onnection: [Kk]eep-[Aa]live\r\n" + _OTHERS + rb")?)\r\n"
)  # fmt: skip


class ResponseHead:
    """What the proxy knows of a response.

    :ivar status_text: status code and reason, to be forwarded.
    :ivar fields: as for requests; without Transfer-Encoding and hop-by-hop fields, but
        for the protocols that a 426 asks for.
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


def parse_response_head(
    head: bytes, limits: HeadLimits, is_head: bool = False
) -> ResponseHead:
    """Read a complete response head.

    :param is_head: the request was HEAD, so that no body follows (RFC 9112 6.3).
    :raises HeadError: with status 502.
    """
    plain = None if is_head else PLAIN_HEAD.fullmatch(head)
    if plain is not None:
        return read_plain_head(plain, limits)
    return read_any_head(head, limits, is_head)


def read_plain_head(plain: re.Match[bytes], limits: HeadLimits) -> ResponseHead:
    """Read a head that is at the beginning of what was received, not for HEAD.

    :param plain: its match with :data:`PLAIN_HEAD`.
    :raises HeadError: it is over a limit.
    """
    end = plain.end()
    if 0 < limits.fields < end // 4 and too_many_fields(plain[0], limits):
        raise HeadError(502, "Too many response headers")
    response = ResponseHead()
    status_text, status, fields, length, after = plain.groups()
    response.status_text = status_text
    response.status = int(status)
    response.minor = 1
    response.fields = fields + after if after else fields
    response.length = int(length)
    response.reusable = True
    response.upgrade = b""
    # Not "in": that takes bytes for a number first, and finding it is none costs more
    # than the search.
    response.has_date = (
        plain.string.find(b"\nDate:", 0, end) >= 0
        or plain[0].lower().find(b"\ndate:") >= 0
    )
    response.has_request_id = False
    return response


def read_any_head(head: bytes, limits: HeadLimits, is_head: bool) -> ResponseHead:
    """Read a head that need not be plain, as :func:`parse_response_head` does."""
    match = _HEAD.fullmatch(head)
    if match is None:
        # What a request must not have is removed from a response: RFC 9112 5.1.
        head = _SPACED_NAME.sub(rb"\1:", head)
        match = _HEAD.fullmatch(head)
        if match is None:
            raise HeadError(502, "malformed response head")
    response = ResponseHead()
    minor, status_text, code = match.groups()
    response.minor = 1 if minor == b"1" else 0
    response.status = status = int(code)
    # The space stays where there is no reason (RFC 9112 4).
    response.status_text = status_text if len(status_text) > 3 else status_text + b" "
    start = match.end(2) + 2
    if too_many_fields(head, limits):
        raise HeadError(502, "Too many response headers")

    connection: bytes | None = None
    codings: bytes | None = None
    length: bytes | None = None
    upgrade = b""
    response.has_date = response.has_request_id = False
    kept: list[bytes] = []
    for act in _ACTS.finditer(head.lower(), start - 1):
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
    response.fields = kept_fields(head, start, kept)
    response.upgrade = upgrade

    if codings is not None:
        if length is not None:
            raise HeadError(502, "both Content-Length and Transfer-Encoding")
        if codings != b"chunked" or not response.minor:
            raise HeadError(502, "unsupported Transfer-Encoding")
        response.length = CHUNKED
    elif length is not None:
        response.length = read_length(length, 502)
    else:
        response.length = UNTIL_CLOSE
    if is_head or status == 304 or status == 204 or status < 200:
        response.length = 0
    response.reusable, nominated = read_connection(connection, response.minor, 502)
    if nominated:
        response.fields = without_nominated(response.fields, nominated)
    if status == 426:
        # It has to say which protocols would do: RFC 9110 7.8 and 15.5.22.
        allowed = tunnelled_protocols(upgrade)
        if allowed:
            response.fields += b"Connection: Upgrade\r\nUpgrade: %b\r\n" % allowed
    if response.length == UNTIL_CLOSE:
        response.reusable = False
    return response
