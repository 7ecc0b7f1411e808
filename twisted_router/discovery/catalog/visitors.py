"""Who may talk to a catalog on loopback: programs, not the web pages of browsers.

Every page that a browser on this machine shows can send requests to 127.0.0.1, and the
catalog does what it is told without asking for a password. Two rules keep pages out.
Programs send neither an Origin nor a strange Host, and notice nothing.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from .model import RefusedError

#: A name or an IPv4 address; or an IPv6 address in its brackets; and perhaps a port.
_HOST = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<name>[^:\[\]]*))(?::[0-9]*)?")


def admit(host: str, origin: str | None) -> None:
    """Let a request pass, or refuse it as one that a web page sent.

    :param host: its Host, ``""`` if it has none.
    :param origin: its Origin, ``None`` if it has none.
    :raises RefusedError: 403, naming the header.
    """
    if host and not _is_ours(host):
        # DNS rebinding: the page's own name was made to mean our address, so that to
        # the browser we are the page's own server. The name is all that tells.
        raise RefusedError(
            f'Host "{host}" is refused: use an IP address or localhost', 403
        )
    if origin is not None and _authority(origin) != host:
        raise RefusedError(f'Origin "{origin}" is refused: no page may use this', 403)


def _authority(origin: str) -> str | None:
    """The ``host:port`` of an origin; ``None`` for ``null`` and the like."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _is_ours(host: str) -> bool:
    """Whether a Host is one that nobody's DNS can have made to mean us."""
    match = _HOST.fullmatch(host.strip())
    if match is None:
        return False
    name = match["v6"] if match["v6"] is not None else match["name"]
    name = name.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
