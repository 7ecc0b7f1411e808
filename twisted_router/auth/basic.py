"""The fields of Basic authentication (RFC 7617)."""

from __future__ import annotations

import re
from binascii import a2b_base64

#: Base64 text that is looked at; no user and password come near to it.
_MAX_TOKEN_BYTES = 4096

_BASE64 = rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_BASIC = re.compile(rb"(?i:basic) +(" + _BASE64 + rb")")
# RFC 7617 2: neither user nor password may contain one.
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


def read_basic(authorization: bytes) -> tuple[bytes, bytes] | None:
    """User and password of an Authorization field, ``None`` if it has none.

    :param authorization: the field's value, without blanks around it.
    """
    match = _BASIC.fullmatch(authorization)
    if match is None or len(authorization) > _MAX_TOKEN_BYTES:
        return None
    decoded = a2b_base64(match[1])
    user, colon, password = decoded.partition(b":")
    if not colon or _CONTROL.search(decoded):
        return None
    return user, password


def challenge(realm: str) -> bytes:
    """The WWW-Authenticate value that asks for a user and a password.

    :param realm: what clients show their users: ASCII without control characters.
    """
    quoted = realm.replace("\\", "\\\\").replace('"', '\\"')
    return f'Basic realm="{quoted}", charset="UTF-8"'.encode("ascii")
