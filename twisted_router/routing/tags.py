"""fabio's tag grammar for HTTP routes: ``urlprefix-host/path opt=value ...``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any

from ..model import NO_OPTIONS, TargetOptions
from .access import parse_access_rule
from .redirect import parse_redirect
from .uris import GrammarError, RouteKey, parse_path, parse_uri

_VARIABLE = re.compile(r"\$(?:\{(\w*)\}|(\w*))", re.ASCII)
_ADDRESS_AND_PORT = re.compile(r"[0-9.]+:[0-9]+|\[[0-9A-Fa-f:.]+\]:[0-9]+")
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HOST_FIELD = re.compile(
    r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
)

#: Options that say who may ask. To ignore one would open what its author closed.
ACCESS_RULES = frozenset({"auth", "allow", "deny"})
_NOT_YET = frozenset({"pxyproto", "register", "grpcservername"})


@dataclass(frozen=True, slots=True)
class ParsedTag:
    """A tag that is a route: where it answers, and the options of its target."""

    key: RouteKey
    options: TargetOptions = NO_OPTIONS


class AccessRuleError(GrammarError):
    """The tag has an access rule, and cannot be used: nobody knows whom it lets in.

    :ivar key: the route that must not be served without the rule, nor by what else
        would match there; ``None`` when the tag does not say it.
    """

    def __init__(self, reason: str, key: RouteKey | None) -> None:
        super().__init__(reason)
        self.key = key


def parse_tag(
    tag: str, prefix: str, datacenter: str = "", auth_schemes: Collection[str] = ()
) -> ParsedTag | None:
    """Read one tag of an instance.

    :param prefix: what routing tags begin with, such as ``urlprefix-``.
    :param datacenter: what ``$DC`` stands for; ``""`` when it is not known.
    :param auth_schemes: what ``auth=`` may name.
    :returns: ``None`` for a tag that is not about routing.
    :raises GrammarError: it cannot be used as it is; says why and, if possible, what
        to write instead.
    :raises AccessRuleError: it must not be used, and what it names must be closed.

    Read as fabio does, but for typing errors, which it ignores: blanks around the
    whole tag and the route are trimmed, the first space ends the route, options are
    separated by any white space and have no quoting.
    """
    tag = tag.strip()
    if not tag.startswith(prefix):
        return None
    text = tag.removeprefix(prefix).strip()
    route, _, rest = text.partition(" ")
    words = rest.split()
    try:
        # Options first: "write host/" would mislead somebody who asks for proto=tcp.
        options = _parse_options(words, auth_schemes) if words else NO_OPTIONS
        return ParsedTag(_parse_route(route, prefix, datacenter), options)
    except GrammarError as e:
        # A tab in place of the space makes the route a bad one, and hides no rule.
        route, *words = text.split() or [""]
        if not any(_meant_option(word) in ACCESS_RULES for word in words):
            raise
        raise AccessRuleError(
            f"{e}; nobody is let in rather than without this access rule (503)",
            _route_or_none(route, prefix, datacenter),
        ) from None


def _route_or_none(text: str, prefix: str, datacenter: str) -> RouteKey | None:
    try:
        return _parse_route(text, prefix, datacenter)
    except GrammarError:
        return None


def _parse_route(text: str, prefix: str, datacenter: str) -> RouteKey:
    text = _expand(text, datacenter)
    if text and "/" not in text:
        if text.startswith(":"):
            raise GrammarError(
                "TCP listeners are not supported yet; "
                f"an HTTP route is {prefix}host/path, or {prefix}/path for any host"
            )
        if _ADDRESS_AND_PORT.fullmatch(text):
            host = text.rpartition(":")[0]
            raise GrammarError(
                "TCP listeners are not supported yet; "
                f"for HTTP write {prefix}{host}/ with a slash"
            )
        raise GrammarError(f"a whole host ends in a slash: write {prefix}{text}/")
    return parse_uri(text)


def _expand(text: str, datacenter: str) -> str:
    """Put the datacenter in place of ``$DC``.

    fabio turns any other variable into nothing, and so one route into another.
    """

    def value(match: re.Match[str]) -> str:
        if (match[1] or match[2]) != "DC":
            raise GrammarError(f"{match[0]} is no variable: only $DC is")
        if not datacenter:
            raise GrammarError("$DC: the datacenter is not known")
        return datacenter

    return _VARIABLE.sub(value, text)


def _parse_options(words: list[str], auth_schemes: Collection[str]) -> TargetOptions:
    values: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if name in _NOT_YET:
            raise GrammarError(f"option {name} is not supported yet")
        parse = _PARSERS.get(name)
        if parse is None:
            meant = _meant_option(word)
            hint = f": did you mean {meant}?" if meant else ""
            raise GrammarError(f"unknown option {name!r}{hint}")
        if not equals or not value:
            raise GrammarError(f"option {name} has no value: write {name}=...")
        if name in values:
            raise GrammarError(f"option {name} is given twice")
        try:
            values[name] = parse(value)
        except GrammarError as e:
            raise GrammarError(f"option {name}: {e}") from None
    if "allow" in values and "deny" in values:
        raise GrammarError("options allow and deny exclude each other: write one")
    if values.get("tlsskipverify") and not values.get("proto"):
        raise GrammarError("option tlsskipverify: there is no TLS without proto=https")
    auth = values.get("auth", "")
    if auth and auth not in auth_schemes:
        raise GrammarError(f"option auth: {_unknown_scheme(auth, auth_schemes)}")
    return TargetOptions(**{_FIELDS.get(name, name): it for name, it in values.items()})


def _unknown_scheme(name: str, schemes: Collection[str]) -> str:
    near = get_close_matches(name, sorted(schemes), 1)
    hint = f": did you mean {near[0]}?" if near else ""
    return f"the configuration of the router has no scheme {name!r}{hint}"


def _meant_option(word: str) -> str:
    """The known option that ``word`` names, or seems to name; ``""`` for none."""
    name = word.replace(":", "=").partition("=")[0]
    known = (*_PARSERS, *_NOT_YET)
    if name in known:
        return name
    return next(iter(get_close_matches(name.lower(), sorted(known), 1)), "")


def _parse_prefix(text: str) -> str:
    path = parse_path(text)
    return "" if path == "/" else path


def _parse_host_field(text: str) -> str:
    if not _HOST_FIELD.fullmatch(text):
        raise GrammarError("write dst, or the host to send, with or without a port")
    return text


def _parse_weight(text: str) -> float:
    weight = float(text) if _NUMBER.fullmatch(text) else 0.0
    if not 0 < weight <= 1:
        raise GrammarError("write a share above 0 and up to 1, such as 0.25")
    return weight


def _parse_proto(text: str) -> bool:
    if text in ("tcp", "grpc", "grpcs"):
        raise GrammarError(f"{text} is not supported yet")
    if text not in ("http", "https"):
        raise GrammarError("write http, which is the default, or https")
    return text == "https"


def _parse_true(text: str) -> bool:
    if text not in ("true", "false"):
        raise GrammarError("write true, or leave it out")
    return text == "true"


_PARSERS: dict[str, Callable[[str], Any]] = {
    "strip": _parse_prefix,
    "prepend": _parse_prefix,
    "host": _parse_host_field,
    "weight": _parse_weight,
    "redirect": parse_redirect,
    "allow": partial(parse_access_rule, allow=True),
    "deny": partial(parse_access_rule, allow=False),
    "auth": str,
    "proto": _parse_proto,
    "tlsskipverify": _parse_true,
}
# Where TargetOptions calls it something else.
_FIELDS = {
    "allow": "access",
    "deny": "access",
    "proto": "https",
    "tlsskipverify": "skip_verify",
}
