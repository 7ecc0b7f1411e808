"""Password files as Apache's ``htpasswd -B`` writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

#: The highest cost of a bcrypt hash that is accepted. Each step doubles the time: 15
#: takes some 3 s of a CPU for every password that anybody cares to try.
MAX_COST = 15

_BCRYPT = re.compile(rb"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_MIN_COST = 4  # bcrypt knows no less
# Found by how they begin. What is left is crypt(3), or plain text.
_OTHER_HASHES = (
    (b"{SHA}", "SHA-1"),
    (b"$apr1$", "MD5"),
    (b"$1$", "MD5"),
    (b"$5$", "SHA-256"),
    (b"$6$", "SHA-512"),
    (b"$2", "a damaged bcrypt hash"),
)

# Long names and damaged files must not fill the log.
_SHOWN_MAX = 40


@dataclass(frozen=True, slots=True)
class PasswordFile:
    """What a password file says.

    :ivar hashes: the bcrypt hash of each user.
    :ivar refused: lines that let nobody in, as ``PATH:LINE: reason``; no hash is shown.
    """

    hashes: Mapping[bytes, bytes]
    refused: tuple[str, ...] = ()


def parse_htpasswd(data: bytes, path: str) -> PasswordFile:
    """Read ``user:hash`` lines; what cannot be used is refused line by line.

    As with Apache, ``#`` begins a comment line, of two lines for a user the first
    counts, and what stands behind a second colon does not.

    :param path: what messages call the file.
    """
    hashes: dict[bytes, bytes] = {}
    refused: list[str] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        line = line.strip()
        if not line or line.startswith(b"#"):
            continue
        user, colon, rest = line.partition(b":")
        hashed = rest.partition(b":")[0]
        if not colon or not user:
            problem = "write user:hash"
        else:
            problem = _problem(hashed)
            if not problem and user in hashes:
                problem = "the user is there already"
        if problem:
            shown = _shown(user) if colon else "?"
            refused.append(f"{path}:{number}: {shown}: {problem}")
        else:
            hashes[user] = hashed
    return PasswordFile(hashes, tuple(refused))


def hash_cost(hashed: bytes) -> int:
    """The cost of a bcrypt hash: the logarithm of its rounds."""
    return int(hashed[4:6])


def _problem(hashed: bytes) -> str:
    """What keeps a hash from being used, ``""`` for nothing."""
    match = _BCRYPT.fullmatch(hashed)
    if match is not None:
        if _MIN_COST <= int(match[1]) <= MAX_COST:
            return ""
        return (
            f"a bcrypt cost of {int(match[1])} is not accepted: "
            f"write one from {_MIN_COST} to {MAX_COST}, as htpasswd -B -C 10 does"
        )
    kind = next(
        (kind for start, kind in _OTHER_HASHES if hashed.startswith(start)),
        "a password in plain text or by crypt(3)",
    )
    return f"{kind} is not accepted: make a bcrypt hash with htpasswd -B"


def _shown(user: bytes) -> str:
    return repr(user[:_SHOWN_MAX].decode("utf-8", "replace"))
