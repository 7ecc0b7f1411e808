"""Redirects as fabio's tags have them: ``redirect=301,https://$host$path``."""

from __future__ import annotations

import re

from ..model import Redirect
from .uris import GrammarError

_CODES = ("301", "302", "303", "307", "308")

_HOST = r"(?:(?:[A-Za-z0-9._~-]|\$host(?![A-Za-z0-9_]))+|\[[0-9A-Fa-f:.]+\])"
_AUTHORITY = re.compile(rf"{_HOST}(?::[0-9]{{1,5}})?")
_URL = re.compile(r"(?i:(https?)://)([^/?#]*?)(\$path[^?#]*|/[^?#]*|)(\?[^#]*)?")
# What RFC 3986 lets stand in a path or a query, and "$" in them as no variable.
_TEXT = re.compile(r"(?:[A-Za-z0-9._~!&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_PATH = "$path"
_HOST_AND_PORT = re.compile(rb"(.*?)(:[0-9]*)?", re.DOTALL)
# In another scheme, or on another port, the port that a scheme implies is wrong.
_IMPLIED_PORTS = (b":", b":80", b":443")


def parse_redirect(text: str) -> Redirect:
    """Read ``CODE,URL``; ``$host`` may stand in the URL's host, ``$path`` in its path.

    :raises GrammarError: it is not that, or clients would be sent nowhere.
    """
    code, comma, url = text.partition(",")
    if code not in _CODES or not comma:
        codes = ", ".join(_CODES)
        raise GrammarError(f"write CODE,URL with a CODE of {codes}")
    match = _URL.fullmatch(url)
    if match is None:
        raise GrammarError("write a whole URL, as https://$host$path, without a '#'")
    scheme, authority, path, query = match.groups(default="")
    if not _AUTHORITY.fullmatch(authority):
        raise GrammarError(f"{authority!r} is no host, with a port or without")
    if not _TEXT.fullmatch(path.replace(_PATH, "", 1) + query):
        raise GrammarError(
            "path and query have no blanks and percent-encode what is not ASCII; "
            "the only variables are $host, in the host, and $path, once in the path"
        )
    return Redirect(int(code), scheme.lower(), authority, path or "/", query)


def redirect_location(
    redirect: Redirect, scheme: bytes, host: bytes, path: bytes, target: bytes
) -> bytes | None:
    """The URL that a client is sent to.

    As with fabio, ``$path`` is the path after ``strip`` and ``prepend``, and brings the
    query along unless the template has its own. ``$host`` comes without the ports 80
    and 443, and without any if the template has one. All parts were checked against
    the grammar of a request's head: nothing in them ends a field.

    :param scheme: of the request, as the client sent it.
    :param host: of the request, as received.
    :param path: of the request, as received.
    :param target: in origin form (or ``*``), after ``strip`` and ``prepend``.
    :returns: ``None`` when the client is there already: it would come back for ever.
    """
    to_host = redirect.authority.encode("ascii")
    if b"$host" in to_host:
        match = _HOST_AND_PORT.fullmatch(host)
        assert match is not None
        name, port = match.groups(default=b"")
        if port in _IMPLIED_PORTS or not to_host.endswith(b"$host"):
            port = b""
        to_host = to_host.replace(b"$host", name + port)
    to_path, query = redirect.path.encode("ascii"), redirect.query.encode("ascii")
    before, variable, after = to_path.partition(b"$path")
    if variable:
        its_path, mark, its_query = target.partition(b"?")
        if its_path[:1] != b"/":
            its_path = b"/"
        to_path = before.removesuffix(b"/") + its_path + after
        query = query or mark + its_query
    to_scheme = redirect.scheme.encode("ascii")
    if (to_scheme, to_path) == (scheme.lower(), path) and _same(to_host, host):
        return None
    return b"%b://%b%b%b" % (to_scheme, to_host, to_path, query)


def _same(one: bytes, other: bytes) -> bool:
    return _plain(one) == _plain(other)


def _plain(host: bytes) -> bytes:
    name, port = host.lower(), b""
    match = _HOST_AND_PORT.fullmatch(name)
    if match is not None:
        name, port = match.groups(default=b"")
    return name if port in _IMPLIED_PORTS else name + port
