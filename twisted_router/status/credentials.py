"""Basic authentication (RFC 7617) against one user and password."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from collections.abc import Sequence
from hmac import compare_digest

#: Base64 text that is looked at; no user and password come near to it.
_MAX_TOKEN_BYTES = 4096


class Credentials:
    """The user and password that may read the guarded pages.

    :param user: without a colon, which the scheme has no place for.
    :param password: may hold colons. If both are empty everyone is let in.
    """

    def __init__(self, user: str, password: str) -> None:
        self._user = user.encode()
        self._password = password.encode()
        self._open = not user and not password

    def admit(self, authorization: Sequence[bytes]) -> bool:
        """Whether a request with these Authorization fields is let in.

        Takes the same time whether the user, the password or both are wrong.
        """
        if self._open:
            return True
        if len(authorization) != 1:
            return False
        scheme, _, token = authorization[0].strip().partition(b" ")
        if scheme.lower() != b"basic" or len(token) > _MAX_TOKEN_BYTES:
            return False
        try:
            decoded = b64decode(token.strip(), validate=True)
        except Error:
            return False
        user, colon, password = decoded.partition(b":")
        same_user = compare_digest(user, self._user)
        same_password = compare_digest(password, self._password)
        return bool(colon) & same_user & same_password
