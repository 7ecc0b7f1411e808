"""What heads look like when they are passed on (pure)."""

from __future__ import annotations

from .head import CHUNKED
from .request_head import RequestHead
from .response_head import ResponseHead

_PROTO = b"x-forwarded-proto"
_HOST = b"x-forwarded-host"
_PORT = b"x-forwarded-port"
_REAL_IP = b"x-real-ip"


def request_bytes(
    request: RequestHead,
    target: bytes,
    host: bytes,
    prefix: bytes,
    client_ip: bytes,
    request_id: bytes,
) -> bytes:
    """The head sent to an instance.

    :param target: the request target, rewritten if the route says so.
    :param host: value of Host.
    :param prefix: what was stripped from the path, ``b""`` for nothing.
    :param client_ip: the peer; appended to X-Forwarded-For, which is never cleaned:
        as with gorouter, whoever can reach the router directly can claim anything.
    """
    forwarded_for = (
        request.forwarded_for + b", " + client_ip
        if request.forwarded_for
        else client_ip
    )
    there = request.forwarded
    if there:
        added = _missing_fields(request, client_ip)
    else:
        asked = request.host
        added = b"".join((
            b"X-Forwarded-Proto: http\r\nX-Forwarded-Host: ", asked,
            b"\r\nX-Forwarded-Port: ", public_port(asked),
            b"\r\nX-Real-IP: ", client_ip, b"\r\n",
        ))  # fmt: skip
    if prefix:
        added += b"X-Forwarded-Prefix: " + prefix + b"\r\n"
    if request.length == CHUNKED:
        added += b"Transfer-Encoding: chunked\r\n"
    if request.upgrade:
        added += b"Connection: Upgrade\r\nUpgrade: " + request.upgrade + b"\r\n"
    elif request.trailers:
        added += b"TE: trailers\r\nConnection: TE\r\n"
    # Joining takes two thirds of the time that formatting does.
    return b"".join((
        request.method, b" ", target, b" HTTP/1.1\r\nHost: ", host, b"\r\n",
        request.fields, b"X-Forwarded-For: ", forwarded_for, b"\r\n", added,
        b"X-Request-Id: ", request_id, b"\r\nX-Vcap-Request-Id: ", request_id,
        b"\r\n\r\n",
    ))  # fmt: skip


def _missing_fields(request: RequestHead, client_ip: bytes) -> bytes:
    """The X-Forwarded fields that an earlier proxy did not send."""
    there = request.forwarded
    fields = b""
    if _PROTO not in there:
        fields += b"X-Forwarded-Proto: http\r\n"
    if _HOST not in there:
        fields += b"X-Forwarded-Host: " + request.host + b"\r\n"
    if _PORT not in there and _PROTO not in there:
        fields += b"X-Forwarded-Port: " + public_port(request.host) + b"\r\n"
    if _REAL_IP not in there:
        fields += b"X-Real-IP: " + client_ip + b"\r\n"
    return fields


def public_port(host: bytes) -> bytes:
    """The port that the client believes it talks to: Host's, or HTTP's."""
    colon = host.rfind(b":")
    if colon < 0 or colon == len(host) - 1 or host.endswith(b"]"):
        return b"80"
    return host[colon + 1 :]


def rewrite_target(target: bytes, strip: bytes, prepend: bytes) -> tuple[bytes, bytes]:
    """Apply a route's ``strip`` and ``prepend``: (target, what was stripped).

    ``strip`` is only removed on a whole segment: ``/app`` of ``/app/x`` and ``/app``,
    not of ``/apple``. What is left always begins with a slash.
    """
    if target == b"*":
        return target, b""
    stripped = b""
    if strip and target.startswith(strip):
        rest = target[len(strip) :]
        if not rest or rest[:1] in (b"/", b"?") or strip.endswith(b"/"):
            stripped = strip
            target = rest if rest[:1] == b"/" else b"/" + rest
    if prepend:
        target = prepend.rstrip(b"/") + target
    return target, stripped


def response_bytes(
    response: ResponseHead,
    request_id: bytes,
    date: bytes,
    chunked: bool,
    connection: bytes,
    body: bytes = b"",
) -> bytes:
    """The head sent to the client, and behind it what there is of the body.

    :param date: value for a Date field where the instance sent none, as RFC 9110
        6.6.1 asks of a recipient with a clock.
    :param chunked: whether the body is chunked on its way to the client.
    :param connection: value of the Connection field, ``b""`` for none.
    """
    added = b""
    if not response.has_request_id:
        added = b"X-Vcap-Request-Id: " + request_id + b"\r\n"
    if not response.has_date:
        added += b"Date: " + date + b"\r\n"
    if chunked:
        added += b"Transfer-Encoding: chunked\r\n"
    if connection:
        added += b"Connection: " + connection + b"\r\n"
    return b"".join((
        b"HTTP/1.1 ", response.status_text, b"\r\n", response.fields, added, b"\r\n",
        body,
    ))  # fmt: skip


def interim_bytes(response: ResponseHead, date: bytes) -> bytes:
    """A 1xx response, passed on.

    :param date: as for :func:`response_bytes`; RFC 9110 6.6.1 excepts no status.
    """
    fields = response.fields
    if response.status == 101:
        fields += b"Connection: Upgrade\r\nUpgrade: " + response.upgrade + b"\r\n"
    if not response.has_date:
        fields += b"Date: " + date + b"\r\n"
    return b"HTTP/1.1 %b\r\n%b\r\n" % (response.status_text, fields)


def switched_to_offered(offered: bytes, chosen: bytes) -> bool:
    """Whether a 101 response chose protocols that the client offered (RFC 9110 7.8)."""
    names = {token.strip(b"\t ").lower() for token in offered.split(b",")}
    picked = [token.strip(b"\t ").lower() for token in chosen.split(b",")]
    return all(token in names for token in picked) and any(picked)
