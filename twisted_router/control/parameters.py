"""What may stand on the command line of ``routerctl``."""

from __future__ import annotations

from typing import Any

import click

from ..config.addresses import split_host_port
from ..config.values import parse_seconds
from ..routing.uris import GrammarError
from .registration import read_uri


class Duration(click.ParamType[float]):
    """``120s``: 0, or from a second to a day."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Seconds of ``120s``, ``2m``; 0 or at least 1."""
        seconds = value if isinstance(value, float) else parse_seconds(str(value))
        if seconds is None or not (seconds == 0 or 1 <= seconds <= 86400):
            self.fail(f"{value!r} is no duration from 1s to 24h, or 0", param, ctx)
        return float(seconds)


class RouteUri(click.ParamType[str]):
    """A route."""

    name = "host/path"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """A route in its one form."""
        try:
            return read_uri(value)
        except GrammarError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


class HostPort(click.ParamType[tuple[str, int]]):
    """Where an instance listens."""

    name = "host:port"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, int]:
        """Host and port of an instance."""
        try:
            return split_host_port(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)
