"""Hosts and paths of routes as people write them: checked, brought into one form."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address

#: ``(host, path)`` of a route, in the form :class:`twisted_router.model.Route` holds.
RouteKey = tuple[str, str]

# RFC 1035 2.3.4: a label has 63 octets, a name 253 without its last dot.
_NAME_MAX_LENGTH = 253
# Stricter than a URI's reg-name, laxer than DNS: "_" occurs in real container names.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_BRACKETED = re.compile(r"\[([^\[\]]*)\](.*)")
_PORT = re.compile(r":[0-9]{1,5}")
_DEFAULT_PORTS = (":80", ":443")
_BLANK_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")


class GrammarError(ValueError):
    """Why an entry cannot become a route, in words for the person who wrote it."""


def parse_uri(text: str) -> RouteKey:
    """Read ``host``, ``host/path`` or ``/path`` (any host), gorouter's ``uris``.

    A host alone means all its paths.

    :raises GrammarError: with what to write instead, where that can be said.
    """
    if "://" in text:
        raise GrammarError("write host/path, without the scheme")
    host, slash, rest = text.partition("/")
    if not host and not slash:
        raise GrammarError("empty: write host/path, or /path for any host")
    path = parse_path((slash + rest) or "/")
    return (parse_host(host) if host else "", path)


def parse_path(text: str) -> str:
    """Check a path prefix; one trailing slash is dropped (``/a/`` is ``/a``).

    Percent-encodings stay as they are: paths are compared byte for byte.

    :raises GrammarError: it could match no request, or not the ones that it seems to.
    """
    if not text.startswith("/"):
        raise GrammarError(f"a path begins with '/': write /{text}")
    if not text.isascii():
        raise GrammarError("a path is ASCII: percent-encode the rest, as clients do")
    if _BLANK_OR_CONTROL.search(text):
        raise GrammarError("a path has no blanks or control characters")
    if "?" in text or "#" in text:
        raise GrammarError("only paths are matched: leave out '?', '#' and the rest")
    if text.endswith("//"):
        raise GrammarError("the path ends in more than one '/'")
    return text[:-1] if len(text) > 1 and text.endswith("/") else text


def parse_host(text: str) -> str:
    """Bring a host into lower case, without port and trailing dot.

    A port is accepted where leaving it out changes nothing (80 and 443). Any other
    port would be a lie: it would seem to separate services, and would mix them.

    :param text: a name, ``*.name``, an IPv4 address or an IPv6 one in brackets.
    :raises GrammarError: no request could carry it.
    """
    if not text.isascii():
        raise GrammarError("a host is ASCII: write its xn-- form")
    host, port = _split_port(text.lower())
    if port and not _PORT.fullmatch(port):
        raise GrammarError(f"{port!r} is no port")
    if port and port not in _DEFAULT_PORTS:
        raise GrammarError(
            f"the port of a request's Host is ignored: write {host} without {port}"
        )
    if host.startswith("["):
        return host
    host = host.removesuffix(".")
    name = host.removeprefix("*.")
    if "*" in name:
        raise GrammarError(
            "'*.' can only be the first label of a name; for any host write /path"
        )
    if len(name) > _NAME_MAX_LENGTH:
        raise GrammarError(f"a host has at most {_NAME_MAX_LENGTH} characters")
    for label in name.split("."):
        if not is_label(label):
            raise GrammarError(f"{label!r} cannot be a part of a host")
    return host


def is_label(text: str) -> bool:
    """Whether ``text``, in lower case, can stand between the dots of a host."""
    return _LABEL.fullmatch(text) is not None


def _split_port(host: str) -> tuple[str, str]:
    """``host`` and ``:port`` or ``""``; IPv6 addresses in the form clients send."""
    if not host.startswith("["):
        name, colon, port = host.partition(":")
        return name, colon + port
    match = _BRACKETED.fullmatch(host)
    try:
        # A zone (%eth0) has no place in a URI's host: RFC 9110 4.2.3 by RFC 3986.
        if match is None or "%" in match[1]:
            raise AddressValueError
        return f"[{IPv6Address(match[1])}]", match[2]
    except AddressValueError:
        raise GrammarError(f"{host} is no IPv6 address in brackets") from None
