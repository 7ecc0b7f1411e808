"""Hypothesis strategies for heads: good ones, and ones that are nearly so."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.proxy.heads import request_head, response_head

# llhttp knows a fixed list of methods.
METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH")

# Fields that a proxy acts on, each with values that are good or nearly so.
KNOWN: dict[bytes, tuple[bytes, ...]] = {
    b"Connection": (
        b"close",
        b"keep-alive",
        b"Upgrade, HTTP2-Settings",
        b"upgrade",
        b"te, x-a, ,cookie",
        b"content-length, host",
        b"a b",
    ),
    b"Content-Length": (b"0", b"5", b"005", b"5 \t", b"999999999999999999", b"5, 5"),
    b"Transfer-Encoding": (b"chunked", b" Chunked\t", b"gzip, chunked", b"identity"),
    b"Expect": (b"100-continue", b"100-Continue ", b"tea"),
    b"Upgrade": (b"websocket", b"h2c", b"h2c, WebSocket", b"foo/1, bar", b"a b"),
    b"TE": (b"trailers", b"gzip, trailers", b"gzip;q=0.5"),
    b"Keep-Alive": (b"timeout=5", b""),
    b"Proxy-Connection": (b"keep-alive",),
    b"X-Forwarded-For": (b"10.0.0.1", b"10.0.0.1, 10.0.0.2 ", b"", b"\xff"),
    b"X-Forwarded-Proto": (b"https", b" "),
    b"X-Real-IP": (b"10.0.0.1", b""),
    b"X-Request-Id": (b"id", b"a b", b""),
    b"Trailer": (b"X-A",),
    b"Date": (b"never",),
}
HOSTS = (b"a.example", b"A.example:8080", b"[::1]:80", b"a_b!$&'()*+;=%41~", b"")
TARGETS = (
    b"/",
    b"/a/b?c=d",
    b"//a//b",
    b"http://b.example:1/a?b",
    b"https://b.example",
)


def _mostly(
    usual: st.SearchStrategy[bytes], rare: st.SearchStrategy[bytes]
) -> st.SearchStrategy[bytes]:
    """``rare`` once in sixteen: heads of many parts must pass, as well as fail."""
    return st.integers(0, 15).flatmap(lambda dice: usual if dice else rare)


def _joined(parts: st.SearchStrategy[bytes], limit: int) -> st.SearchStrategy[bytes]:
    return st.lists(parts, max_size=limit).map(b"".join)


def _bytes_of(codes: list[int]) -> st.SearchStrategy[bytes]:
    return st.sampled_from([bytes([code]) for code in codes])


# Bytes that make or break a grammar are more likely than others.
_any_text = _joined(
    _bytes_of(list(b'aZ09 \t\r\n\x00\x7f\xff:,;="/?#%[]@-_')) | st.binary(max_size=1), 8
)
_visible = [*range(0x21, 0x7F)]
_value_text = _joined(_bytes_of([0x20, 0x09, *_visible, *range(0x80, 0x100)]), 8)
_target_text = _joined(_bytes_of([code for code in _visible if code != 0x23]), 8)
_host_text = _joined(_bytes_of(list(b"azAZ09._~!$&'()*+;=%-")), 8)
_name_text = st.sampled_from([b"X-A", b"x_a", b"Cookie", b"Accept", b"X!#'*|~^`"])

_names = _mostly(_name_text, _any_text)
_values = _mostly(_value_text, _any_text)
_other_fields = st.builds(b"%b:%b".__mod__, st.tuples(_names, _values))
_known_fields = st.sampled_from(sorted(KNOWN)).flatmap(
    lambda name: st.builds(
        b"%b:%b%b".__mod__,
        st.tuples(
            st.sampled_from([name, name.lower(), name.upper()]),
            st.sampled_from([b" ", b"", b" \t"]),
            _mostly(st.sampled_from(KNOWN[name]), _values),
        ),
    )
)
_hosts = st.builds(
    b"%b:%b".__mod__,
    st.tuples(
        st.sampled_from([b"Host", b"host"]),
        _mostly(st.sampled_from(HOSTS) | _host_text, _any_text),
    ),
)
fields = _mostly(_other_fields | _known_fields, _hosts | _any_text)
_targets = _mostly(
    st.sampled_from(TARGETS)
    | _target_text.map(b"/".__add__)
    | st.builds(b"http://%b/%b".__mod__, st.tuples(_host_text, _target_text)),
    _any_text,
)
_request_lines = _mostly(
    st.builds(
        b"%b %b HTTP/1.%b".__mod__,
        st.tuples(
            st.sampled_from(METHODS), _targets, st.sampled_from([b"1", b"1", b"0"])
        ),
    ),
    st.sampled_from(
        [b"OPTIONS * HTTP/1.1", b"GET / HTTP/1.2", b"CONNECT a:1 HTTP/1.1"]
    ),
)
_status_lines = st.builds(
    b"HTTP/1.%b %d%b".__mod__,
    st.tuples(
        st.sampled_from([b"1", b"1", b"1", b"0", b"2"]),
        st.sampled_from([100, 101, 103, 200, 204, 206, 304, 404, 500, 999]),
        st.sampled_from([b"", b" "]) | _values.map(b" ".__add__),
    ),
)
requests = st.builds(
    lambda line, host, fields: request_head(host, *fields, line=line),
    _request_lines,
    _hosts,
    st.lists(fields, max_size=4),
)
responses = st.builds(
    lambda line, fields: response_head(*fields, line=line),
    _status_lines,
    st.lists(fields, max_size=4),
)
