"""Which attributes of a container go into a service's Meta, by Consul's rules."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Node that registered a service: only its own registrar may touch it.
OWNER = "twisted-router-owner"

#: First 12 digits of the container's id.
CONTAINER = "twisted-router-container"

#: The Docker engine's own id; absent if it does not tell it.
ENGINE = "twisted-router-engine"

#: What the engine's host calls itself; absent if it does not tell it.
HOST = "twisted-router-host"

#: Digest of the registered check, which the agent does not tell together with the
#: service; absent without one.
CHECK = "twisted-router-check"

_MARKS = (OWNER, CONTAINER, ENGINE, HOST, CHECK)

# Consul: agent/structs/structs.go, metaMaxKeyPairs and its neighbours. One violation
# makes it refuse the whole service.
_MAX_PAIRS = 64
_MAX_VALUE_BYTES = 512
_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_RESERVED_PREFIX = "consul-"

# A catalog is readable by whoever reads service addresses.
_SECRET = re.compile(
    r"token|passw(or)?d|passphrase|secret|credential|jwt|bearer|authorization"
    r"|(db|sql|pg|redis|user|root|admin|smtp|mail)(pass|pwd)"
    r"|(^|[^a-z])(pass|pwd|((api|access|private|ssh|auth|encryption)_?)?keys?)([^a-z]|$)"
)

# As in postgres://user:password@host/.
_PASSWORD_IN_URL = re.compile(r"://[^/?#\s:@]*:[^/?#\s@]+@")

# As ssh-keygen and openssl write it.
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")

_CHECK_PREFIX = "check_"


def publishable(
    attributes: Mapping[str, str], secrets: bool = False
) -> tuple[dict[str, str], list[str]]:
    """Choose the attributes that may be published as Meta.

    :param attributes: by lower-case key; ``check_*`` are about the check and are left
        out without a word.
    :param secrets: publish what looks like a secret, too.
    :returns: the Meta, and a sentence for each attribute that was left out.
    """
    meta: dict[str, str] = {}
    notes: list[str] = []
    for key in sorted(attributes):
        if key.startswith(_CHECK_PREFIX):
            continue
        reason = "" if secrets else _secrecy(key, attributes[key])
        reason = reason or _objection(key, attributes[key])
        if not reason and len(meta) == _MAX_PAIRS - len(_MARKS):
            reason = f"Consul takes no more than {_MAX_PAIRS}"
        if reason:
            notes.append(f"SERVICE_{key.upper()} is not published: {reason}")
        else:
            meta[key] = attributes[key]
    return meta, notes


def _secrecy(key: str, value: str) -> str:
    """Why an attribute should not be published, ``""`` when it may."""
    if _SECRET.search(key):
        return "its name looks like a secret's"
    if _PRIVATE_KEY.search(value):
        return "it has a private key in it"
    return "it has a password in it" if _PASSWORD_IN_URL.search(value) else ""


def _objection(key: str, value: str) -> str:
    """Why an attribute cannot be published, ``""`` when it can."""
    if not _KEY.fullmatch(key):
        return "Consul takes up to 128 of A-Z, a-z, 0-9, _ and - as a name"
    if key.startswith(_RESERVED_PREFIX):
        return "consul- is reserved"
    if key in _MARKS:
        return "the name is the registrar's own"
    if len(value.encode("utf-8", "replace")) > _MAX_VALUE_BYTES:
        return f"its value is over {_MAX_VALUE_BYTES} bytes"
    return ""
