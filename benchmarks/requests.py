"""The requests that the load sends: as browsers write them, no two alike in a row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

#: Host of the requests where there is only one.
HOST = "shop.example.test"

#: Different requests in one set; a prime, so that they do not stay in step with the
#: number of connections.
VARIANTS = 2003


def route_hosts(count: int) -> list[str]:
    """Names of ``count`` hosts that each have a route of their own."""
    return [f"app-{number}.example.test" for number in range(count)]


def spread(hosts: list[str], count: int) -> list[str]:
    """At most ``count`` of the hosts, from the first to the last at even steps."""
    step = max(1, len(hosts) // count)
    return hosts[::step][:count]


def browser_requests(
    hosts: list[str] | None = None, *, path: str = "", close: bool = False
) -> Iterator[bytes]:
    """GET requests with ten header fields, which differ in path and cookie.

    :param hosts: names to ask for, one after the other.
    :param path: the same path for all of them, instead of changing ones.
    :param close: whether each asks to close its connection.
    """
    names = hosts or [HOST]
    for number in range(VARIANTS):
        token = hashlib.sha256(str(number).encode()).hexdigest()[:32]
        host = names[number % len(names)]
        yield "\r\n".join(
            (
                f"GET {path or f'/catalog/items/{number}?view=full&page={number % 7}'}"
                " HTTP/1.1",
                f"Host: {host}",
                f"Connection: {'close' if close else 'keep-alive'}",
                "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
                " (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
                "Accept: application/json, text/plain, */*",
                "Accept-Encoding: gzip, deflate, br",
                "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
                f"Referer: http://{host}/catalog",
                f"Cookie: session={token}; theme=dark; seen={number}",
                "Sec-Fetch-Site: same-origin",
                "Sec-Fetch-Mode: cors",
                "",
                "",
            )
        ).encode("ascii")


def upload_request(size_bytes: int, *, with_body: bool) -> bytes:
    """A POST request with ``size_bytes`` of body, which may be sent apart from it."""
    head = (
        f"POST /uploads HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: curl/7.88.1\r\n"
        f"Accept: */*\r\nContent-Type: application/octet-stream\r\n"
        f"Content-Length: {size_bytes}\r\n\r\n"
    ).encode("ascii")
    return head + b"x" * size_bytes if with_body else head
