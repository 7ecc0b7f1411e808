"""Authentication as a service: password files read again, passwords verified aside."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from ..config.schema import AuthScheme
from ..interfaces import IAuthenticator, Verdict
from .basic import challenge, read_basic
from .htpasswd import PasswordFile, hash_cost, parse_htpasswd
from .verification import Run, TooManyError, VerificationQueue
from .verified import VerifiedCredentials

#: How often it is looked whether a password file has changed, in seconds.
LOOK_INTERVAL_S = 5.0
#: How many passwords may wait to be hashed: with a usual cost, for some 3 s of work.
WAITING_MAX = 64
#: The largest password file that is read: some 10,000 users.
FILE_MAX_BYTES = 1024 * 1024

# A file that is none at all must not bury everything else in the log.
_LOGGED_LINES_MAX = 10
# bcrypt knows 72 bytes of a password. htpasswd cuts what is longer, and so must we.
_PASSWORD_BYTES = 72
# Hashed for users that do not exist, who must not be told by the time it takes. No
# password is known for it.
_NOBODY = b"$2b$%02d$" + b"." * 53
_USUAL_COST = 10

_GRANTED = Verdict(True)
_UNKNOWN = Verdict(False)


class _Scheme:
    """One name of ``auth=``: its challenge, and what its file said last.

    :ivar said: ``None`` as long as the file could not be read.
    """

    def __init__(self, name: str, config: AuthScheme) -> None:
        self.name = name
        self.path = config.file
        self.refusal = Verdict(False, challenge(config.realm or name))
        self.said: PasswordFile | None = None
        self.nobody = b""
        self.seen: tuple[int, ...] = ()
        self.error = ""

    def take(self, said: PasswordFile) -> None:
        """Believe this from now on."""
        self.said = said
        costs = Counter(hash_cost(hashed) for hashed in said.hashes.values())
        usual = costs.most_common(1)
        self.nobody = _NOBODY % (usual[0][0] if usual else _USUAL_COST)


@implementer(IAuthenticator)
class AuthService(Service):
    """Holds requests against password files, as ``auth`` in the configuration says.

    Hashing a password takes a tenth of a second, so it happens in threads of its own,
    a few at a time; who was right is remembered for a minute. When too many wait, or a
    file could not be read yet, the verdict has no challenge.

    A file that cannot be read any more counts as it was. It is looked at every few
    seconds, and at :meth:`reload`.
    """

    name = "auth"
    _log = Logger()

    def __init__(
        self,
        schemes: Mapping[str, AuthScheme],
        clock: IReactorTime,
        run: Run,
        key: bytes,
        at_once: int,
        close: Callable[[], None],
    ) -> None:
        """Read nothing before the start.

        :param run: hashes outside of the reactor's thread; see :class:`HashingThreads`.
        :param key: random bytes; see :class:`VerifiedCredentials`.
        :param at_once: how many passwords ``run`` may be given at once.
        :param close: called at stop, when ``run`` is not needed any more.
        """
        self._clock = clock
        self._schemes = {name: _Scheme(name, it) for name, it in schemes.items()}
        self._verified = VerifiedCredentials(key, clock.seconds)
        self._queue = VerificationQueue(run, at_once, WAITING_MAX)
        self._close = close
        self._timer: IDelayedCall | None = None

    def startService(self) -> None:
        """Read the files."""
        super().startService()
        if self._schemes:
            self._look()

    def stopService(self) -> None:
        """Let nobody in any more."""
        super().stopService()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._queue.stop()
        self._close()

    def reload(self) -> None:
        """Read all files now, changed or not."""
        for scheme in self._schemes.values():
            scheme.seen = ()
            self._read(scheme)

    def check(self, schemes: Sequence[str], authorization: bytes) -> Deferred[Verdict]:
        """Whether a request may pass every one of these schemes."""
        return Deferred.fromCoroutine(self._check_all(schemes, authorization))

    async def _check_all(self, names: Sequence[str], authorization: bytes) -> Verdict:
        for name in names:
            scheme = self._schemes.get(name)
            if scheme is None:
                return _UNKNOWN
            verdict = await self._check(scheme, authorization)
            if not verdict.granted:
                return verdict
        return _GRANTED

    async def _check(self, scheme: _Scheme, authorization: bytes) -> Verdict:
        said = scheme.said
        if said is None:
            return _UNKNOWN
        credentials = read_basic(authorization)
        if credentials is None:
            return scheme.refusal
        user, password = credentials
        hashed = said.hashes.get(user, scheme.nobody)
        digest = self._verified.digest(password, hashed)
        if self._verified.knows(scheme.name, user, digest):
            return _GRANTED
        try:
            right = await self._queue.verify(digest, password[:_PASSWORD_BYTES], hashed)
        except (TooManyError, CancelledError):
            return _UNKNOWN
        except Exception:
            self._log.failure("auth {name}: a hash was not computed", name=scheme.name)
            return _UNKNOWN
        if not right or user not in said.hashes:
            return scheme.refusal
        self._verified.remember(scheme.name, user, digest)
        return _GRANTED

    def _look(self) -> None:
        self._timer = self._clock.callLater(LOOK_INTERVAL_S, self._look)
        for scheme in self._schemes.values():
            self._read(scheme)

    def _read(self, scheme: _Scheme) -> None:
        """Read a file, if it is another one than last time."""
        try:
            seen, data = _read_if_changed(scheme.path, scheme.seen)
        except OSError as error:
            self._say_unreadable(scheme, error.strerror or str(error))
            return
        if data is None:
            return
        scheme.seen, scheme.error = seen, ""
        scheme.take(parse_htpasswd(data, scheme.path))
        self._say_read(scheme)

    def _say_unreadable(self, scheme: _Scheme, why: str) -> None:
        if why == scheme.error:
            return
        scheme.error = why
        self._log.warn(
            "auth {name}: cannot read {path}: {why}; {effect}",
            name=scheme.name,
            path=scheme.path,
            why=why,
            effect="its last content counts" if scheme.said else "nobody is let in",
        )

    def _say_read(self, scheme: _Scheme) -> None:
        assert scheme.said is not None
        refused = scheme.said.refused
        self._log.info(
            "auth {name}: {users} users in {path}",
            name=scheme.name,
            users=len(scheme.said.hashes),
            path=scheme.path,
        )
        for line in refused[:_LOGGED_LINES_MAX]:
            self._log.warn("auth {name}: {line}", name=scheme.name, line=line)
        if len(refused) > _LOGGED_LINES_MAX:
            self._log.warn(
                "auth {name}: {more} more lines are refused",
                name=scheme.name,
                more=len(refused) - _LOGGED_LINES_MAX,
            )


def _read_if_changed(
    path: str, seen: tuple[int, ...]
) -> tuple[tuple[int, ...], bytes | None]:
    """The content of a file, ``None`` if it is the one that was seen, and what to see.

    :raises OSError: it cannot be read, or is no file of a size that makes sense.
    """
    # A named pipe would otherwise wait for its writer, and we with it.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a file")
        if status.st_size > FILE_MAX_BYTES:
            raise OSError(f"more than {FILE_MAX_BYTES} bytes")
        now = (status.st_ino, status.st_mtime_ns, status.st_size)
        return now, None if now == seen else file.read(FILE_MAX_BYTES)
