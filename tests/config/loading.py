"""Short ways to load a text, for tests."""

from collections.abc import Mapping

from twisted_router.config import Config, ConfigError, Loaded, load_config

# Gives a configuration routes, so that it loads without a warning.
WITH_CONSUL = "consul:\n"


def load(
    text: str,
    environ: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> Loaded:
    """Load ``text`` as a file named ``f``, with these variables and secret files."""

    def read_file(path: str) -> str:
        try:
            return (files or {})[path]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory", path) from None

    return load_config(text, "f", environ or {}, read_file)


def config_of(text: str, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration that ``text`` means."""
    return load(text, environ).config


def warnings_of(text: str) -> list[str]:
    """The warnings about ``text``."""
    return list(load(text).warnings)


def problems_of(
    text: str,
    environ: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> list[str]:
    """The problems of ``text``; it must have some."""
    try:
        loaded = load(text, environ, files)
    except ConfigError as error:
        return list(error.problems)
    raise AssertionError(f"no problem, but {loaded}")
