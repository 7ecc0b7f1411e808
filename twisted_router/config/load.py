"""From a file's text to a :class:`Config`, or to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .binding import Binding
from .checks import Checks
from .legacy import translate
from .report import ConfigError, Report
from .schema import Config
from .secret import Secrets, read_secret_file
from .tree import MAX_CHARS, parse


@dataclass(frozen=True, slots=True)
class Loaded:
    """A usable configuration.

    :ivar warnings: lines of ``FILE:LINE: KEY.PATH: message`` for the log.
    """

    config: Config
    warnings: tuple[str, ...]


def load_config(
    text: str,
    filename: str,
    environ: Mapping[str, str],
    read_file: Callable[[str], str] = read_secret_file,
) -> Loaded:
    """Read a configuration, a gorouter file included.

    :param filename: what messages call the file; it is not opened.
    :param environ: for ``{env: NAME}``, and for Consul's own variables
        (``CONSUL_HTTP_ADDR`` ...) where a consul section leaves the key out.
    :param read_file: for ``{file: PATH}``; raises OSError or UnicodeDecodeError.
    :raises ConfigError: it cannot be used; names every problem, not only the first.
    """
    report = Report(filename)
    root = parse(text, report)
    binding = Binding(report, Secrets(environ, read_file))
    config = binding.bind(Config, translate(root, report))
    Checks(config, binding.lines, report).run()
    report.raise_for_problems()
    return Loaded(config, report.warnings)


def load_config_file(path: str, environ: Mapping[str, str]) -> Loaded:
    """Read the configuration file at ``path``; see :func:`load_config`.

    :raises ConfigError: also when the file cannot be read or is not UTF-8.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_CHARS + 1)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ConfigError((f"{path}: cannot be read: {why}",)) from error
    if len(data) > MAX_CHARS:
        raise ConfigError((f"{path}: more than {MAX_CHARS} bytes, expected fewer",))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        said = f"byte 0x{data[error.start]:02x} is not UTF-8, expected UTF-8 text"
        raise ConfigError((f"{path}:{line}: {said}",)) from error
    return load_config(text, path, environ)
