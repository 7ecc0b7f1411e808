"""Where the readers are wrong, or stricter than the RFCs let a proxy be.

All of it is narrow, and harmless: what is forwarded is the proxy's own, clean version,
and that is read without any of this.
"""

from __future__ import annotations

import re

from tests.proxy.readers import REFUSED, Reading, request_with_llhttp

# White space at the end of Transfer-Encoding is none of its value (RFC 9110 5.5), but
# a tab there makes llhttp refuse a request, and read a response until its end.
_CODING = re.compile(rb"(?i)(\ntransfer-encoding:[\t ]*chunked)[\t ]+(?=\r\n)")

# A proxy removes white space before the colon from a response's fields (RFC 9112 5.1).
_NAME_AND_BLANKS = re.compile(rb"(\n[!#$%&'*+\-.^_`|~0-9A-Za-z]+)[\t ]+:")

# Blanks around the signs of a chunk extension have to be accepted (RFC 9110 5.6.3), but
# neither reader does.
_EXTENSION_AND_BLANKS = re.compile(rb"\n[0-9A-Fa-f]+[^\r\n]*(?:[;=][\t ]|[\t ][;=])")


def source_request_with_llhttp(data: bytes) -> Reading:
    """Llhttp's understanding of a request that a client sent."""
    reading = request_with_llhttp(data)
    if "`Transfer-Encoding`" in reading.reason:
        return request_with_llhttp(_CODING.sub(rb"\1", data, count=1))
    return reading


def takes_offer_for_upgrade(source: Reading, forwarded: Reading) -> bool:
    """Whether httptools takes the offer of an upgrade for the upgrade itself.

    It then reads no body. Of a request with a body, no offer is passed on.
    """
    names = {name for name, _ in source.fields}
    return (
        b"upgrade" in names
        and not names.isdisjoint((b"content-length", b"transfer-encoding"))
        and all(name != b"upgrade" for name, _ in forwarded.fields)
    )


def dislikes_blanks(source: Reading, data: bytes) -> bool:
    """Whether ``data`` is refused for blanks in chunk extensions."""
    return (
        source.end is REFUSED
        and "chunk" in source.reason
        and _EXTENSION_AND_BLANKS.search(data) is not None
    )


def clean_response_head(data: bytes) -> bytes:
    """A response, its fields as a proxy has to understand them."""
    end = data.find(b"\r\n\r\n")
    head = _NAME_AND_BLANKS.sub(rb"\1:", data[: end + 2])
    return _CODING.sub(rb"\1", head) + data[end + 2 :]
