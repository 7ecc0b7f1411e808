"""Names and addresses as the file writes them: what is well-formed, and its parts."""

from __future__ import annotations

import ipaddress
import re

# RFC 1123 labels; underscores too, since Docker Compose and SRV names have them.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_PORT = re.compile(r"[0-9]{1,5}")
# What a request line may carry before "?": visible ASCII, RFC 9112 section 3.2.
_PATH = re.compile(r"/[!-\"$->@-~]*")
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.1
_SCHEME_NAME = re.compile(r"[A-Za-z0-9._-]+")

_LONGEST_NAME = 253


def is_ip(text: str) -> bool:
    """Whether it is an IPv4 or IPv6 address, without brackets."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_name(text: str) -> bool:
    """Whether it is a host name; dotted numbers are one only if they are an address."""
    if len(text) > _LONGEST_NAME or not _NAME.fullmatch(text):
        return False
    return not text.rstrip(".").split(".")[-1].isdigit() or is_ip(text)


def is_address(text: str) -> bool:
    """Whether it is an IP address or a host name."""
    return is_ip(text) or is_name(text)


def is_path(text: str) -> bool:
    """Whether it is a path as a request line has it: from ``/``, without a query."""
    return _PATH.fullmatch(text) is not None


def is_word(text: str) -> bool:
    """Whether it is text without blanks, as tags and service names are."""
    return bool(text) and not re.search(r"\s", text)


def is_scheme_name(text: str) -> bool:
    """Whether a tag can name it, as in ``auth=staff``."""
    return _SCHEME_NAME.fullmatch(text) is not None


def is_ascii(text: str) -> bool:
    """Whether it is text that a header field can carry."""
    return text.isascii() and text.isprintable()


def is_field_name(text: str) -> bool:
    """Whether it is a name that a header field can have."""
    return _FIELD_NAME.fullmatch(text) is not None


def split_host_port(text: str, default_port: int | None = None) -> tuple[str, int]:
    """Split ``host:port`` or ``[IPv6]:port``.

    :param default_port: port of text that has none; ``None`` if it must have one.
    :returns: the host without brackets, and the port, 1-65535.
    :raises ValueError: it is neither; the message does not repeat ``text``.
    """
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        well_formed = bracket == "]" and ":" in host and is_ip(host)
        colon, port = rest[:1], rest[1:]
        well_formed = well_formed and colon in ("", ":")
    else:
        host, colon, port = text.partition(":")
        well_formed = is_name(host)
    if not well_formed:
        raise ValueError("no host name or address")
    if not colon and default_port is not None:
        return host, default_port
    if not _PORT.fullmatch(port) or not 1 <= int(port) <= 65535:
        raise ValueError("no port from 1 to 65535")
    return host, int(port)


def is_host_port(text: str, default_port: int | None = None) -> bool:
    """Whether :func:`split_host_port` can split it."""
    try:
        split_host_port(text, default_port)
    except ValueError:
        return False
    return True


def is_instance(text: str) -> bool:
    """Whether it is ``host``, ``host:port`` or ``[IPv6]:port``."""
    return is_host_port(text, default_port=80)


def is_consul_address(text: str) -> bool:
    """``host:port``, ``http(s)://host[:port]`` or ``unix:///path``."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return is_host_port(text)
    if scheme == "unix":
        return rest.startswith("/") and rest != "/"
    # Consul's own tools take a slash at the end.
    host = rest.removesuffix("/")
    return scheme in ("http", "https") and is_host_port(host, default_port=8500)


def is_docker_endpoint(text: str) -> bool:
    """``unix:///path`` or ``tcp://host:port``."""
    scheme, separator, rest = text.partition("://")
    if scheme == "unix" and separator:
        return rest.startswith("/") and rest != "/"
    return scheme == "tcp" and is_host_port(rest)


def is_route_uri(text: str) -> bool:
    """``host``, ``*.host``, either with a path, or a path alone for any host."""
    host, slash, path = text.partition("/")
    if not host:
        return is_path(text)
    return is_name(host.removeprefix("*.")) and (not slash or is_path(slash + path))


def is_sent_host(text: str) -> bool:
    """A Host to send on: ``dst`` (the instance's own), or ``host[:port]``."""
    return text == "dst" or is_instance(text)
