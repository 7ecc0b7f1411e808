"""Credentials that were right a moment ago, so that they need not be hashed again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from hmac import compare_digest

#: How many users are remembered, at some 200 bytes each.
REMEMBERED_MAX = 4096
#: How long, in seconds. A changed hash counts at once, whatever is remembered.
REMEMBERED_S = 60.0


class VerifiedCredentials:
    """Remembers who has given the right password lately; no password is kept.

    What is kept for each user is a keyed digest of the password and of the hash that it
    was right for. The key is made anew for each process and never leaves it.

    :param key: 16 to 64 random bytes.
    :param now_s: the clock, in seconds.
    """

    def __init__(self, key: bytes, now_s: Callable[[], float]) -> None:
        self._key = key
        self._now_s = now_s
        self._known: OrderedDict[tuple[str, bytes], tuple[bytes, float]] = OrderedDict()

    def digest(self, password: bytes, hashed: bytes) -> bytes:
        """What stands for a password that is held against a hash."""
        # The hash comes first: its length is fixed, so the parts cannot be confused.
        return blake2b(hashed + password, key=self._key, digest_size=32).digest()

    def knows(self, scheme: str, user: bytes, digest: bytes) -> bool:
        """Whether this was right within the last :data:`REMEMBERED_S` seconds."""
        known, until_s = self._known.get((scheme, user), (b"", 0.0))
        return compare_digest(known, digest) and self._now_s() < until_s

    def remember(self, scheme: str, user: bytes, digest: bytes) -> None:
        """It is right; whoever was remembered first is forgotten for it."""
        self._known.pop((scheme, user), None)
        self._known[scheme, user] = (digest, self._now_s() + REMEMBERED_S)
        if len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)

    def __len__(self) -> int:
        return len(self._known)
