"""README.rst names every limit and timeout, with its default and its reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config.keys import Key, section_keys
from twisted_router.config.schema import BackendsConfig, Bytes, Config, Seconds
from twisted_router.config.values import format_bytes, format_seconds

_README = Path(__file__).parents[2] / "README.rst"
_ROW = re.compile(r"^``([a-z_.]+)`` +(none|\d+(?: [A-Za-z]+)?)(?: {2,}(.+))?$", re.M)

#: Not of the data plane; docs/outages.rst tells of them.
_ELSEWHERE = ("droplet_stale_threshold", "prune_stale_droplets_interval")


def limits() -> Iterator[tuple[str, Key]]:
    """Every limit and timeout of the data plane, under its name in the file."""
    for prefix, section in (("", Config), ("backends.", BackendsConfig)):
        for key in section_keys(section):
            limited = key.kind in (Seconds, Bytes) or key.name.startswith("max_")
            if limited and key.name not in _ELSEWHERE:
                yield prefix + key.name, key


def default_of(key: Key) -> str:
    """Its default, as the table says it."""
    if not key.default:
        return "none"
    if key.kind is Seconds:
        return format_seconds(key.default)
    return format_bytes(key.default) if key.kind is Bytes else str(key.default)


class LimitsTableTests(SynchronousTestCase):
    """The table under "Limits and timeouts"."""

    def setUp(self) -> None:
        text = _README.read_text("utf-8")
        table = text[text.index("Limits and timeouts") :]
        self.rows = {row[1]: row for row in _ROW.finditer(table)}

    def test_it_has_every_limit_with_its_default(self) -> None:
        self.assertEqual(
            {name: default_of(key) for name, key in limits()},
            {name: row[2].replace(" ", "") for name, row in self.rows.items()},
        )

    def test_every_limit_has_its_reason(self) -> None:
        self.assertNotEqual({}, self.rows)
        self.assertEqual([], [name for name, row in self.rows.items() if not row[3]])
