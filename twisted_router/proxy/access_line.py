"""One line of the access log, in gorouter's format."""

from __future__ import annotations

import re
from collections.abc import Iterable
from time import gmtime, strftime

from ..config.schema import LoggingConfig
from ..model import Instance

#: What one request leaves behind, in the order of :meth:`AccessLog.record`: head,
#: received_at_s, status, bytes_received, bytes_sent, peer, backend, request_id,
#: response_time_s, backend_time_s, instance, error, host, forwarded_for.
Record = tuple[
    bytes, float, int, int, int, bytes, bytes, bytes,
    float, float, Instance | None, bytes, bytes, bytes,
]  # fmt: skip

#: Bytes that stand for themselves between double quotes.
_PLAIN = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')

_LINE = (
    b'%b - [%b.%09dZ] "%b" %b %d %d "%b" "%b" "%b" "%b" x_forwarded_for:"%b"'
    b' x_forwarded_proto:"%b" vcap_request_id:"%b" response_time:%.6f'
    b' gorouter_time:%.6f %b x_cf_routererror:"%b"%b\n'
)
_NAMES = b'app_id:"%b" app_index:"%b" instance_id:"%b"'
_NO_NAMES = _NAMES % (b"-", b"-", b"-")

_ABSOLUTE_FORM = re.compile(rb"[^ ]+ https?://([^/?# ]*)", re.IGNORECASE)


def _fields_named(names: Iterable[bytes]) -> re.Pattern[bytes]:
    """An expression that finds these fields in a head: (name, value with spaces).

    A field starts after a line feed. The look-ahead skips most of the others at their
    first letter: a quarter of the time on a browser's head.
    """
    names = [re.escape(name) for name in names]
    initials = b"".join(re.escape(name[:1]) for name in names)
    return re.compile(
        rb"\n(?=[%b])(%b):(.*)" % (initials or b"\n", b"|".join(names)), re.IGNORECASE
    )


_WANTED = (b"referer", b"user-agent", b"x-forwarded-proto")
_FIELDS = _fields_named(_WANTED).findall
_REFERER, _USER_AGENT, _ = map(len, _WANTED)
# Where the head was not understood.
_HOST = _fields_named([b"host"]).search
_FORWARDED_FOR = _fields_named([b"x-forwarded-for"]).findall

#: Instances whose names are kept encoded; beyond it they are encoded anew.
_MAX_KNOWN_INSTANCES = 4096


def escape(raw: bytes) -> bytes:
    r"""Write ``raw`` so that it can neither end a quoted string nor a line.

    As Go's ``strconv.Quote`` does, without the quotes: ``\"``, ``\\``, ``\n``,
    ``\x00``; printable UTF-8 stays as it is. Text that holds anything unprintable, or
    is not UTF-8, comes out as pure ASCII (``\xe9``, ``\u2028``).

    A client chooses this text: each step is one pass in C, since a loop over 16 KiB
    of hostile characters would cost more than serving hundreds of requests.
    """
    if not raw.translate(None, _PLAIN):
        return raw
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
        printable = False
    else:
        printable = text.isprintable()
    if printable:
        return raw.replace(b"\\", rb"\\").replace(b'"', rb"\"")
    return text.encode("unicode_escape").replace(b'"', rb"\"")


class LineFormat:
    r"""Turns records into lines.

    ``HOST - [TIME] "METHOD URI PROTO" STATUS BYTES_RECEIVED BYTES_SENT "REFERER"
    "USER_AGENT" "REMOTE_ADDR" "BACKEND_ADDR" x_forwarded_for:"..."
    x_forwarded_proto:"..." vcap_request_id:"..." response_time:S gorouter_time:S
    app_id:"..." app_index:"..." instance_id:"..." x_cf_routererror:"..." [extra
    headers]``; what is missing is ``-``. ``app_id`` and ``app_index`` are ``app`` and
    ``index`` of the service's Meta, ``instance_id`` is its ID in Consul.

    TIME is UTC. (gorouter writes local time under the same ``Z``; its machines run on
    UTC.)

    :param extra_headers: names of request headers to add to each line, as
        ``lower_case_underscored:"value"``, in this order, each once.
    """

    def __init__(self, config: LoggingConfig, extra_headers: Iterable[str]) -> None:
        self._log_forwarded_for = not config.disable_log_forwarded_for
        self._log_source_ip = not config.disable_log_source_ip
        self._extra = tuple(
            dict.fromkeys(name.lower().encode() for name in extra_headers if name)
        )
        self._extra_line = b"".join(
            b" " + name.replace(b"-", b"_").replace(b"%", b"%%") + b':"%b"'
            for name in self._extra
        )
        self._extra_fields = _fields_named(self._extra).findall
        self._second = -1
        self._second_text = b""
        self._instances: dict[int, tuple[Instance, bytes]] = {}

    def line(self, record: Record) -> bytes:
        """The line of one request, with its line feed.

        Whatever the client sent, it is one line, and no quoted field ends early.
        """
        (
            head, received_at_s, status, bytes_received, bytes_sent, peer, backend,
            request_id, response_time_s, backend_time_s, instance, error,
            host, forwarded_for,
        ) = record  # fmt: skip
        end = head.find(b"\n")
        request_line = (head[:end] if end >= 0 else head).rstrip(b"\r") or b"-"
        if not host:
            host, forwarded_for = _sender(head, request_line, peer)
        if not self._log_forwarded_for:
            forwarded_for = b"-"
        referer = agent = proto = b""
        for name, value in _FIELDS(head):
            # The names differ in their length, which spares comparing them. Of a
            # field that is repeated the first counts.
            length = len(name)
            value = value.strip(b" \t\r")
            if length == _USER_AGENT:
                agent = agent or value
            elif length == _REFERER:
                referer = referer or value
            else:
                proto = proto or value
        names = self._names(instance) if instance is not None else _NO_NAMES
        extra = self._extra_texts(head) if self._extra else b""
        # Whoever sends the text may have chosen it; the rest is the router's own.
        texts = (host, request_line, referer, agent, forwarded_for, proto, request_id)
        if b"".join(texts).translate(None, _PLAIN):
            host, request_line, referer, agent, forwarded_for, proto, request_id = map(
                escape, texts
            )
        if host.find(b" ") >= 0:  # it stands without quotes
            host = host.replace(b" ", rb"\x20")
        second = int(received_at_s)
        if second != self._second:
            self._second = second
            self._second_text = strftime("%Y-%m-%dT%H:%M:%S", gmtime(second)).encode()
        gorouter_time_s = response_time_s - backend_time_s if backend else 0.0
        return _LINE % (
            host or b"-",
            self._second_text,
            (received_at_s - second) * 1_000_000_000,
            request_line,
            b"%d" % status if status else b'"-"',
            bytes_received,
            bytes_sent,
            referer or b"-",
            agent or b"-",
            (peer if self._log_source_ip else b"") or b"-",
            backend or b"-",
            forwarded_for,
            proto or b"http",
            request_id or b"-",
            response_time_s,
            gorouter_time_s if gorouter_time_s > 0.0 else 0.0,
            names,
            escape(error) if error else b"-",
            extra,
        )

    def _extra_texts(self, head: bytes) -> bytes:
        """The part of the line for the headers that are logged in addition."""
        fields: dict[bytes, bytes] = {}
        for name, value in self._extra_fields(head):
            fields.setdefault(name.lower(), value.strip(b" \t\r"))
        values = (escape(fields.get(name) or b"-") for name in self._extra)
        return self._extra_line % tuple(values)

    def _names(self, instance: Instance) -> bytes:
        """``app_id``, ``app_index`` and ``instance_id``, encoded and escaped.

        Kept by object identity, which is safe as the entry holds the object: hashing
        an instance costs more than encoding it.
        """
        known = self._instances.get(id(instance))
        if known is None:
            if len(self._instances) >= _MAX_KNOWN_INSTANCES:
                self._instances.clear()
            texts = (
                instance.meta.get("app", ""),
                instance.meta.get("index", ""),
                instance.id,
            )
            names = _NAMES % tuple(
                escape(text.encode("utf-8", "backslashreplace")) or b"-"
                for text in texts
            )
            known = self._instances[id(instance)] = (instance, names)
        return known[1]


def _sender(head: bytes, request_line: bytes, peer: bytes) -> tuple[bytes, bytes]:
    """Host and X-Forwarded-For, from a head that may be anything."""
    found = _HOST(head)
    host = found[2].strip(b" \t\r") if found is not None else b""
    absolute = _ABSOLUTE_FORM.match(request_line)
    if absolute is not None:
        host = absolute[1]
    hops = [value.strip(b" \t\r") for _, value in _FORWARDED_FOR(head)]
    hops.append(peer[: peer.rfind(b":")].strip(b"[]") or b"-")
    return host, b", ".join(hop for hop in hops if hop)
