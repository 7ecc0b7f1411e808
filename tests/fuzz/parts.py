"""What messages are made of: good parts, and those that proxies fell for."""

from __future__ import annotations

METHODS = (
    b"GET", b"GET", b"GET", b"POST", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE",
    b"TRACE", b"PATCH", b"FOO", b"CONNECT", b"PRI", b"get",
)  # fmt: skip
TARGETS = (
    b"/", b"/", b"/a", b"/a/b?c=d&e=%20", b"/strip/x", b"/strip", b"//a//../b", b"/%00",
    b"http://app.example.com/x", b"http://app.example.com",
    b"https://app.example.com?q", b"http://other.example/",
    b"http://u@app.example.com/", b"*", b"/?", b"/a#b", b"/;,", b"a", b"http:///x",
    b"ws://app.example.com/", b'/"<>\\^`{|}',
)  # fmt: skip
HOSTS = (
    b"app.example.com", b"app.example.com", b"app.example.com", b"app.example.com:8080",
    b"APP.example.com", b"nowhere.example", b"", b"a,b", b"u@app.example.com", b"[::1]",
    b"app.example.com:99999999", b"app.example.com/x", b"app.example.com:", b"a b",
)  # fmt: skip
VERSIONS = (b"HTTP/1.1",) * 12 + (b"HTTP/1.0", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0")

#: Fields that are of no concern to a proxy's framing.
FIELDS = (
    b"Accept: */*", b"Accept-Encoding: gzip, br", b"Cookie: a=b; c=d", b"User-Agent: x",
    b"X-Empty:", b"X-Spaces:  \t a  b \t ", b"X-Obs: caf\xe9", b"If-None-Match: \"x\"",
    b"Referer: http://a.example/?b#c", b"Date: Tue, 14 Nov 2023 22:13:20 GMT",
    b"X-Forwarded-For: 10.0.0.1", b"X-Forwarded-Proto: https", b"X-Real-IP: 10.0.0.1",
    b"X-Request-Id: abc", b"X-Vcap-Request-Id: def", b"Via: 1.0 fred, 1.1 p.example",
    b"Max-Forwards: 0", b"Max-Forwards: 5", b"Forwarded: for=10.0.0.1", b"Warning: 199",
    b"Server: x", b"Set-Cookie: a=b", b"Content-Type: text/plain", b"ETag: \"x\"",
    b"Location: /b", b"Vary: *", b"Trailer: X-Sum", b"X-!#$%&'*+-.^_`|~9: token",
)  # fmt: skip

#: Fields that decide about connections.
CONTROL = (
    b"Connection: keep-alive", b"Connection: close", b"Connection: Keep-Alive, X-Drop",
    b"Connection: upgrade\r\nUpgrade: websocket", b"Connection: Upgrade, close",
    b"Connection: upgrade\r\nUpgrade: h2c", b"Connection: te\r\nTE: trailers",
    b"Connection: content-length, host, transfer-encoding", b"Connection: a b",
    b"Connection: ,, ,x-a", b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive",
    b"Upgrade: websocket", b"TE: trailers, deflate;q=0.5", b"Expect: 100-continue",
    b"Expect: 200-ok", b"Connection: \"close\"", b"Connection:\tclose",
)  # fmt: skip

#: Framing that is ambiguous, obfuscated or broken: request smuggling's tool box.
TRICKS = (
    b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5",
    b"Content-Length: 5\r\nContent-Length: 6",
    b"Content-Length: 5\r\nContent-Length: 5", b"Content-Length: 5, 5",
    b"Content-Length: 5,6", b"Content-Length: +5", b"Content-Length: -5",
    b"Content-Length: 0x5", b"Content-Length: 5 5", b"Content-Length: 5;",
    b"Content-Length:", b"Content-Length: 05", b"Content-Length : 5",
    b"Content-Length\t: 5", b" Content-Length: 5", b"Content-Length: \x0b5",
    b"Content-Length: 5\x00", b"Content_Length: 5",
    b"Content-Length: 99999999999999999999999", b"Content-Length: 18446744073709551621",
    b"Content-Length:\r\n 5", b"X: a\r\n b", b"X: a\r\n\tContent-Length: 5",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: identity, chunked",
    b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: gzip", b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunkedx", b"Transfer-Encoding: chunked,",
    b"Transfer-Encoding: ,chunked", b"Transfer-Encoding: chunked;a=b",
    b"Transfer-Encoding: \"chunked\"", b"Transfer-Encoding: 'chunked'",
    b"Transfer-Encoding:chunked", b"Transfer-Encoding:\tchunked",
    b"Transfer-Encoding: chunked \t", b"Transfer-Encoding : chunked",
    b"Transfer-Encoding\t: chunked", b" Transfer-Encoding: chunked",
    b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding: \x0cchunked",
    b"Transfer-Encoding: chunked\x0b", b"Transfer-Encoding: chunk\x00ed",
    b"Transfer-Encoding:\r\n chunked", b"Transfer-Encoding: CHUNKED",
    b"Transfer-Encoding: \xa0chunked", b"transfer-encoding: chun\xc4\xb8ed",
    b"Transfer_Encoding: chunked", b"Transfer-Encoding:",
    b"X: y\nTransfer-Encoding: chunked", b"X: y\rTransfer-Encoding: chunked",
    b"X\r\nTransfer-Encoding: chunked", b"\r\nTransfer-Encoding: chunked", b":x", b"X",
    b"Host: evil.example", b"Host : app.example.com", b" Host: app.example.com",
    b"X-A: \x00", b"X\x00: a", b"X-\xe9: a", b"(X): a", b"X-A: a\x01b", b"X-A: a\x7fb",
)  # fmt: skip

BODIES = (
    b"hello",
    b"a",
    b"",
    b"x" * 40,
    b"0\r\n\r\n",
    b"\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
)

SIZES = (
    b"5", b"5", b"5", b"05", b"0005", b"5 ", b" 5", b"5\t", b"+5", b"-5", b"0x5", b"5;",
    b"5;a", b"5;a=b", b'5;a="b;c"', b'5;a="\\""', b"5 ; a = b", b"5;a\t=b", b"5;\xe9",
    b"5;a=\x00", b"5;a\rb", b"5;a\nb", b'5;a="\n"', b"5,5", b"", b"g", b"5g", b"5\x00",
    b"fffffffffffffffe", b"10000000000000005", b"80000000", b"6", b"4",
    b"5;" + b"a" * 70, b"5;a=b;c", b"5;;", b"5; a", b"5;a=", b"5;=b",
)  # fmt: skip
LINE_ENDS = (b"\r\n",) * 24 + (b"\n", b"\r", b"\r\r\n", b"", b"\n\r", b"\r\n\r\n")
TRAILERS = (
    b"", b"", b"", b"X-Sum: 1\r\n", b"X-Sum: 1\r\nX-B:\r\n", b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Host: evil.example\r\n", b"X-A : 1\r\n",
    b" X: 1\r\n", b"X\r\n", b"X: 1\n", b"X: a\r\n b\r\n", b"X: \x00\r\n", b"X: 1\r",
    b"Connection: close\r\n", b"X-Long: " + b"y" * 300 + b"\r\n",
)  # fmt: skip

STATUSES = (
    b"200 OK", b"200 OK", b"200 OK", b"200 OK", b"404 Not Found", b"204 No Content",
    b"304 Not Modified", b"302 Found", b"500 Oops", b"206 Partial Content", b"200",
    b"200 ", b"999 x", b"600 x", b"205 Reset Content", b"099 x", b"20 x", b"2000 x",
    b"20x OK", b"200\tOK", b"200  OK", b"200 caf\xe9", b"200 \x00", b"+200 OK",
    b"000 x", b"101 Switching Protocols", b"499 x",
)  # fmt: skip
INTERIM = (
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    b"HTTP/1.1 102 Processing\r\n\r\n", b"HTTP/1.0 100 Continue\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 103 x\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"HTTP/1.1 101 x\r\nUpgrade: h2c\r\n\r\n", b"HTTP/1.1 101 x\r\n\r\n",
    b"HTTP/1.1 199 x\r\nConnection: close\r\n\r\n",
)  # fmt: skip
#: What may stand before or behind a message and belongs to none.
GARBAGE = (
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b" ", b"\x00", b"x", b"\r\nx", b"0\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /\r\n\r\n",
    b"GET / HTTP/1.1\r\n", b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n",
)  # fmt: skip
