"""What all compiled expressions of the data plane keep to."""

from __future__ import annotations

import re
from types import ModuleType

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.proxy import (
    access_line,
    downstream,
    framing,
    head,
    last_hop,
    request_head,
    response_head,
)

MODULES = (
    access_line,
    downstream,
    framing,
    head,
    last_hop,
    request_head,
    response_head,
)

_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_SET = re.compile(rb"\[\^?\]?[^]]*\]")
_POSSESSIVE_GROUP = re.compile(rb"\)(?:[*+?]|\{[0-9,]*\})\+")


def possessive_group(pattern: bytes) -> bool:
    """Whether a group is repeated possessively somewhere in ``pattern``."""
    return bool(_POSSESSIVE_GROUP.search(_SET.sub(b"x", _ESCAPED.sub(b"x", pattern))))


def patterns(module: ModuleType) -> dict[str, bytes]:
    """The expressions over bytes that a module has, by their names."""
    return {
        f"{module.__name__}.{name}": value.pattern
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern) and isinstance(value.pattern, bytes)
    }


class ExpressionTests(SynchronousTestCase):
    """See Note [Repeated groups] in twisted_router.proxy.head."""

    def test_no_group_is_possessive(self) -> None:
        """Python 3.11.2 would accept what must be refused."""
        found = {name: text for m in MODULES for name, text in patterns(m).items()}
        self.assertGreater(len(found), 10)
        broken = [name for name, text in found.items() if possessive_group(text)]
        self.assertEqual([], broken)

    def test_possessive_groups_are_recognised(self) -> None:
        for pattern in (rb"(?:a|b)*+", rb"(a)?+", rb"(?:[)]){1,2}+", rb"\((a)++"):
            self.assertTrue(possessive_group(pattern), pattern)
        for pattern in (rb"[()*+]", rb"\)++", rb"a++", rb"(?>(?:a|b)*)", rb"[])]*+"):
            self.assertFalse(possessive_group(pattern), pattern)
