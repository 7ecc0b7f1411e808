"""The ACL token, which may change while the router runs."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.http_headers import Headers

from ..config.report import RefusedError
from ..config.schema import Secret

#: Seconds in which a token's file is not read again, unless Consul refused the token.
REREAD_S = 10.0


class Token:
    """The token that requests carry; of a file, what is in it now.

    A file that cannot be read, or is empty, changes nothing: the token of before is
    used, and that is logged once.

    :param secret: as the configuration has it.
    :param read_secret: the secret in a file; raises RefusedError.
    :ivar text: ``""`` for none.
    :ivar headers: of requests, with it.
    """

    _log = Logger()

    def __init__(
        self, secret: Secret, read_secret: Callable[[str], Secret], clock: IReactorTime
    ) -> None:
        self._file = secret.file
        self._read_secret = read_secret
        self._clock = clock
        self._read_s = clock.seconds()
        self._is_unreadable = False
        self._use(str(secret))

    def _use(self, text: str) -> None:
        self.text = text
        self.headers = Headers({"X-Consul-Token": [text]} if text else None)

    @property
    def is_renewable(self) -> bool:
        """Whether it is of a file."""
        return bool(self._file)

    def renew(self) -> None:
        """Read the file again if that was not done for a while."""
        if self._file and self._clock.seconds() - self._read_s >= REREAD_S:
            self.reread()

    def reread(self) -> bool:
        """Read the file now; whether there is another token in it."""
        if not self._file:
            return False
        self._read_s = self._clock.seconds()
        try:
            text = self._read_secret(self._file)
        except RefusedError as error:
            if not self._is_unreadable:
                self._log.warn(
                    "the token of before stays in use: {reason}",
                    reason=str(error),
                )
            self._is_unreadable = True
            return False
        self._is_unreadable = False
        if text == self.text:
            return False
        self._use(text)
        self._log.info("the token's file has another token, used from now on")
        return True
