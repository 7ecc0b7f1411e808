"""Which services may claim which hosts, where the operator has said so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .uris import GrammarError


@dataclass(frozen=True, slots=True)
class HostOwner:
    """Hosts that only some services may claim.

    In both patterns ``*`` stands for any text, dots included, and ``?`` for one
    character; case does not count. A route for any host is claimed as ``""``, which
    only ``*`` matches.

    :ivar hosts: a pattern of hosts as routes have them: ``*.shop.example.com`` is that
        wildcard itself as well as every host below it.
    :ivar services: patterns of the names of the services that may.
    """

    hosts: str
    services: tuple[str, ...]


class HostOwnership:
    """Judges claims by the first owner whose hosts match; what nobody owns is free.

    :param owners: in the order in which they are asked.
    """

    def __init__(self, owners: Iterable[HostOwner] = ()) -> None:
        self._owners = tuple(
            (
                owner,
                _compiled(owner.hosts),
                tuple(_compiled(services) for services in owner.services),
            )
            for owner in owners
        )

    def check(self, service: str, host: str) -> None:
        """Let a claim pass.

        :param host: as a route has it.
        :raises GrammarError: the service may not claim it; names who may.
        """
        for owner, hosts, services in self._owners:
            if hosts.fullmatch(host):
                if not any(pattern.fullmatch(service) for pattern in services):
                    raise GrammarError(
                        f"{host or 'any host'} is kept for services named "
                        f"{' or '.join(owner.services)} (consul.host_owners: "
                        f"{owner.hosts})"
                    )
                return


def _compiled(pattern: str) -> re.Pattern[str]:
    # Not fnmatch: brackets are no sets here, but what IPv6 addresses stand in.
    text = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(text, re.IGNORECASE)


#: Every host is free.
NOBODY = HostOwnership()
