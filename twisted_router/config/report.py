"""What is wrong with a file: collected while reading, told all at once."""

from __future__ import annotations

import re
import unicodedata
from typing import NoReturn

from ..interfaces import RouterError

MAX_PROBLEMS = 100

_LONGEST_SHOWN = 60
_LOGIN = re.compile(r"//[^/@]*@")  # the user and password of a URL


class ConfigError(RouterError):
    """A configuration that cannot be used; ``str()`` has one line for each problem.

    :ivar problems: every problem of the file, as ``FILE:LINE: KEY.PATH: message``,
        in the order of the file.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class RefusedError(RouterError):
    """A value cannot be used; says what was found and what was expected.

    Raised where the key is not known, and turned into a problem where it is.
    """


class Report:
    """The problems and warnings found in one file so far.

    After :data:`MAX_PROBLEMS` it gives up on the file: it is no configuration, and
    nobody reads on.
    """

    def __init__(self, filename: str) -> None:
        self._filename = filename
        self._problems: list[tuple[int, str, str]] = []
        self._warnings: list[tuple[int, str, str]] = []

    def problem(self, line: int, path: str, message: str) -> None:
        """Note what keeps the file from being used.

        :param line: counted from 1.
        :param path: the key, ``consul.address``; ``""`` for the file as a whole.
        :param message: what was found, and what was expected.
        :raises ConfigError: this was one too many.
        """
        self._problems.append((line, path, message))
        if len(self._problems) == MAX_PROBLEMS:
            self.fatal(line, "", f"{MAX_PROBLEMS} problems up to here, not read on")

    def fatal(self, line: int, path: str, message: str) -> NoReturn:
        """Note a problem that makes reading on pointless, and raise them all."""
        self._problems.append((line, path, message))
        raise ConfigError(self._lines(self._problems))

    def warn(self, line: int, path: str, message: str) -> None:
        """Note what the user should know of although the file can be used."""
        self._warnings.append((line, path, message))

    def clean(self, path: str) -> bool:
        """Whether neither the key ``path`` nor anything under it has a problem."""
        under = (path + ".", path + "[")
        return not any(
            key == path or key.startswith(under) for _, key, _ in self._problems
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Every warning as a line of text, in the order of the file."""
        return self._lines(self._warnings)

    def raise_for_problems(self) -> None:
        """Raise :class:`ConfigError` if any problem was noted."""
        if self._problems:
            raise ConfigError(self._lines(self._problems))

    def _lines(self, notes: list[tuple[int, str, str]]) -> tuple[str, ...]:
        return tuple(
            f"{self._filename}:{line}: {path}{': ' if path else ''}{message}"
            for line, path, message in sorted(notes, key=lambda note: note[0])
        )


def shown(text: str) -> str:
    """Quote text of the file for a message: one short printable line, no login."""
    text = _LOGIN.sub("//***@", text)
    short = text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."
    return repr(short)


def shown_key(key: str) -> str:
    """A key for a key path: as it is if it is plain, else quoted."""
    plain = key.replace("_", "").replace("-", "")
    return key if plain.isalnum() and len(key) <= _LONGEST_SHOWN else shown(key)


def has_control(text: str) -> bool:
    """Whether it has characters that no setting needs: controls, lone surrogates."""
    return any(unicodedata.category(character) in ("Cc", "Cs") for character in text)
