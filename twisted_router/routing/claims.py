"""What the instances of one service claim: from tags, Meta and the rules to routes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..interfaces import STATIC_SOURCE
from ..model import Instance, Quarantined, Target, TargetOptions
from .ownership import NOBODY, HostOwnership
from .tags import AccessRuleError, ParsedTag, parse_tag
from .uris import GrammarError, RouteKey, is_label, parse_host, parse_uri

#: ``(source, service)``: whose word a claim is.
Owner = tuple[str, str]

# What parsing an entry gives; None = it is about something else than routes.
_Outcome = ParsedTag | GrammarError | None


@dataclass(frozen=True, slots=True)
class RoutingRules:
    """How facts become routes; see the ``consul`` section of the configuration.

    :ivar tag_prefix: tags that begin so are routes; ``""`` = no tag is.
    :ivar domain: every service NAME also answers ``NAME.domain``; ``""`` = off.
    :ivar default_service: name of the service that answers any host, ``""`` = none.
    :ivar datacenter: what ``$DC`` stands for in tags; ``""`` = not known.
    :ivar auth_schemes: what ``auth=`` in tags may name.
    :ivar ownership: which services may claim which hosts; static routes need not ask.
    """

    tag_prefix: str = "urlprefix-"
    domain: str = ""
    default_service: str = ""
    datacenter: str = ""
    auth_schemes: frozenset[str] = frozenset()
    ownership: HostOwnership = NOBODY


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """One instance that wants to answer one host and path.

    :ivar source: where it is written, as in :class:`Quarantined`.
    :ivar text: what is written there.
    :ivar implied: it comes from the rules, and gives way to any that does not.
    :ivar closed: the route has to be there, but must not be served at all.
    :ivar restrictions: options that restrict who may ask, besides the target's own.
    """

    owner: Owner
    key: RouteKey
    target: Target
    source: str
    text: str
    implied: bool = False
    closed: bool = False
    restrictions: tuple[TargetOptions, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What came out of the facts about one service."""

    claims: tuple[Claim, ...] = ()
    quarantine: tuple[Quarantined, ...] = ()


def read_service(
    owner: Owner, instances: Sequence[Instance], rules: RoutingRules
) -> Reading:
    """Turn the facts of one source about one service into claims.

    An entry that cannot be used is quarantined alone. If it has an access rule, what it
    names is claimed as closed. What the rules alone open for an instance, they open
    under all the access rules that its entries have, or not at all.
    """
    if not instances:
        return Reading()
    claims: list[Claim] = []
    quarantine: list[Quarantined] = []
    service = owner[1]
    implied = list(_implied_keys(owner, rules, quarantine))
    # The instances of a service mostly carry the same tags: each is parsed once.
    outcomes: dict[tuple[str, str], _Outcome] = {}

    for instance in instances:
        plain = Target(instance)  # most tags have no options: one is enough for all
        opened: list[Claim] = []
        closed: list[Claim] = []
        restrictions: list[TargetOptions] = []
        barred = False
        for entry in _entries(instance, rules):
            if entry not in outcomes:
                outcomes[entry] = _parse(owner, *entry, rules)
            outcome = outcomes[entry]
            if isinstance(outcome, ParsedTag):
                target = plain
                if outcome.options != plain.options:
                    target = Target(instance, outcome.options)
                opened.append(Claim(owner, outcome.key, target, *entry))
                if outcome.options.restricts:
                    restrictions.append(outcome.options)
            elif outcome is not None:
                quarantine.append(
                    Quarantined(service, instance.id, *entry, reason=str(outcome))
                )
                if isinstance(outcome, AccessRuleError):
                    barred = True
                    if outcome.key is not None:
                        closed.append(
                            Claim(owner, outcome.key, plain, *entry, closed=True)
                        )
        # Of several claims to one route the first counts: closed ones come first.
        claims += closed
        claims += opened
        for source, key in implied:
            rest = (True, barred, tuple(restrictions))
            claims.append(Claim(owner, key, plain, source, service, *rest))
    return Reading(tuple(claims), tuple(quarantine))


def _entries(instance: Instance, rules: RoutingRules) -> Iterator[tuple[str, str]]:
    """``(source, text)`` of what an instance says of its routes."""
    if rules.tag_prefix:
        for tag in instance.tags:
            yield "tag", tag
    uris = instance.meta.get("uris")
    if uris:
        for uri in uris.split(","):
            if uri.strip():
                yield "meta uris", uri.strip()


def _parse(owner: Owner, source: str, text: str, rules: RoutingRules) -> _Outcome:
    try:
        if source == "tag":
            parsed = parse_tag(
                text, rules.tag_prefix, rules.datacenter, rules.auth_schemes
            )
        else:
            parsed = ParsedTag(parse_uri(text))
    except AccessRuleError as e:
        # Nor may it close what is not its own.
        refused = _why_refused(owner, e.key, rules) if e.key is not None else ""
        return AccessRuleError(f"{e}; {refused}", None) if refused else e
    except GrammarError as e:
        return e
    if parsed is None:
        return None
    refused = _why_refused(owner, parsed.key, rules)
    if not refused:
        return parsed
    if parsed.options.restricts:
        return AccessRuleError(refused, None)
    return GrammarError(refused)


def _why_refused(owner: Owner, key: RouteKey, rules: RoutingRules) -> str:
    """Why the service may not claim this host; ``""`` if it may."""
    source, service = owner
    if source != STATIC_SOURCE:
        try:
            rules.ownership.check(service, key[0])
        except GrammarError as e:
            return str(e)
    return ""


def _implied_keys(
    owner: Owner, rules: RoutingRules, quarantine: list[Quarantined]
) -> Iterator[tuple[str, RouteKey]]:
    """Where a service answers without saying so, and the rule that makes it."""
    source, service = owner
    if source == STATIC_SOURCE:
        return
    if rules.domain:
        label = service.lower()
        try:
            if not is_label(label):
                raise GrammarError(f"{service!r} cannot be a part of a host")
            host = parse_host(f"{label}.{rules.domain}")
            rules.ownership.check(service, host)
            yield "domain", (host, "/")
        except GrammarError as e:
            quarantine.append(Quarantined(service, "", "domain", service, str(e)))
    if rules.default_service and service.lower() == rules.default_service.lower():
        # The operator has named it: no other word is needed.
        yield "default_service", ("", "/")
