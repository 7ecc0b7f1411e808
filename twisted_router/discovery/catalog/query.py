"""The part of a request's URL behind the question mark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from .go_json import parse_duration
from .model import DATACENTER, RefusedError

_DEFAULT_WAIT_S = 300.0
_LONGEST_WAIT_S = 600.0

_INDEX_LIMIT = 2**64

#: What Go's ParseBool takes, and a parameter without a value.
_TRUE = frozenset(["", "1", "t", "T", "TRUE", "true", "True"])
_FALSE = frozenset(["0", "f", "F", "FALSE", "false", "False"])


@dataclass(frozen=True, slots=True)
class Query:
    """Parameters by name, in the order given."""

    parameters: Mapping[str, list[str]]

    @classmethod
    def parse(cls, text: bytes) -> Query:
        """Read what follows the question mark."""
        decoded = text.decode("utf-8", "replace")
        return cls(parse_qs(decoded, keep_blank_values=True))

    def __contains__(self, name: str) -> bool:
        return name in self.parameters

    def text(self, name: str) -> str:
        """The first value of a parameter, ``""`` when it is not there."""
        return self.parameters.get(name, [""])[0]

    def texts(self, name: str) -> list[str]:
        """All values of a parameter."""
        return self.parameters.get(name, [])

    def flag(self, name: str, refusal: str) -> bool:
        """Whether a parameter is there and not false.

        :raises RefusedError: it is neither true nor false; with ``refusal``.
        """
        if name not in self or self.text(name) in _FALSE:
            return False
        if self.text(name) in _TRUE:
            return True
        raise RefusedError(refusal)

    @property
    def replace_existing_checks(self) -> bool:
        """Consul takes ``true`` and no value for a yes; and ``1`` for a no."""
        return "replace-existing-checks" in self and self.text(
            "replace-existing-checks"
        ) in ("", "true")

    @property
    def index(self) -> int:
        """The index after which to answer; 0 = at once.

        :raises RefusedError: it is no number of 64 bits.
        """
        given = self.text("index") or "0"
        if not (given.isascii() and given.isdigit() and len(given) <= 20):
            raise RefusedError("Invalid index")
        index = int(given)
        if index >= _INDEX_LIMIT:
            raise RefusedError("Invalid index")
        return index

    @property
    def wait_s(self) -> float:
        """Seconds to wait for a change, before the random part is added.

        :raises RefusedError: it is no duration.
        """
        try:
            given_s = parse_duration(self.text("wait") or "0")
        except ValueError as error:
            raise RefusedError("Invalid wait time") from error
        if given_s <= 0:
            return _DEFAULT_WAIT_S
        return min(given_s, _LONGEST_WAIT_S)

    def check_options(self) -> None:
        """Refuse what cannot be honoured of the catalog's, not the agent's, parameters.

        :raises RefusedError: naming the parameter.
        """
        if "stale" in self and "consistent" in self:
            raise RefusedError(
                "Cannot specify ?stale with ?consistent, conflicting semantics."
            )
        if self.text("dc") not in ("", DATACENTER):
            raise RefusedError("No path to datacenter", 500)
        for name in ("node-meta", "ns", "partition"):
            if name in self:
                raise RefusedError(
                    f'Invalid query parameter: "{name}" is not in this development '
                    "catalog"
                )
