"""Secrets: the text itself, or the file or variable that has it. Never shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .report import RefusedError, has_control, shown
from .schema import Secret
from .tree import Node, kind_of

MAX_CHARS = 64 * 1024

_EXPECTED = "expected text, {file: PATH} or {env: NAME}"


def read_secret_file(path: str) -> str:
    """Read a secret's file; one longer than any secret only so far as to see that.

    :raises OSError: it cannot be read.
    :raises UnicodeDecodeError: it is not UTF-8.
    """
    with open(path, encoding="utf-8") as file:
        return file.read(MAX_CHARS + 1)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where secrets are read from.

    :ivar environ: what ``{env: NAME}`` looks into.
    :ivar read_file: what ``{file: PATH}`` reads with; see :func:`read_secret_file`.
    """

    environ: Mapping[str, str]
    read_file: Callable[[str], str]

    def read(self, node: Node) -> Secret:
        """The secret that a value of the file means.

        :raises RefusedError: there is none; the message repeats no part of it.
        """
        if isinstance(node.value, str):
            return _checked(node.value, "text")
        if not isinstance(node.value, dict):
            raise RefusedError(f"got {kind_of(node.value)}, {_EXPECTED}")
        if len(node.value) != 1 or not node.value.keys() <= {"file", "env"}:
            # A secret such as {abc} without quotes gets here too: do not repeat it.
            raise RefusedError(f"got a mapping with other keys, {_EXPECTED}")
        ((source, child),) = node.value.items()
        name = child.value
        if not isinstance(name, str) or not name or has_control(name):
            raise RefusedError(f"got {kind_of(name)} as {source}, {_EXPECTED}")
        return self.from_file(name) if source == "file" else self._from_environ(name)

    def from_file(self, path: str) -> Secret:
        """The secret in a file.

        :raises RefusedError: there is none; the message repeats no part of it.
        """
        try:
            text = self.read_file(path)
        except OSError as error:
            why = error.strerror or type(error).__name__
        except UnicodeDecodeError:
            why = "it is not UTF-8 text"
        else:
            # Editors and echo end a file with a line break; a secret has none.
            found = _present(text.rstrip("\r\n"), f"file {shown(path)}")
            return Secret(found, file=path)
        raise RefusedError(
            f"cannot read the file {shown(path)}: {why}, expected the secret in it"
        )

    def _from_environ(self, name: str) -> Secret:
        text = self.environ.get(name)
        if text is None:
            raise RefusedError(
                f"there is no variable {shown(name)} in the environment, "
                "expected the secret in it"
            )
        return _present(text, f"variable {shown(name)}")


def _present(text: str, origin: str) -> Secret:
    """A secret that was asked for by name: without it a door would stand open."""
    if not text:
        raise RefusedError(f"the {origin} is empty, expected the secret in it")
    return _checked(text, origin)


def _checked(text: str, origin: str) -> Secret:
    if len(text) > MAX_CHARS:
        raise RefusedError(f"the {origin} is too long, expected one line of text")
    if has_control(text):
        raise RefusedError(
            f"the {origin} has a line break or control character, "
            "expected one line of text"
        )
    return Secret(text)
