"""``routerctl routes`` and ``routerctl explain``: what a router says of itself."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from ..config.report import RefusedError
from ..config.schema import Secret
from ..config.secret import Secrets, read_secret_file
from .site import SiteError, StatusSite
from .surroundings import NOT_SERVED, leave_undone
from .text import explanation_text, quarantine_text, routes_text


def _site_options(command: Callable[..., None]) -> Callable[..., None]:
    """What all commands have in common that ask a router."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="As the router says it."),
        click.option(
            "--password-file",
            type=click.Path(dir_okay=False),
            help="File with its password; or ROUTER_STATUS_PASS has it.",
        ),
        click.option(
            "--user", envvar="ROUTER_STATUS_USER", default="", help="Its user."
        ),
        click.option(
            "--status",
            envvar="ROUTER_STATUS",
            default="http://127.0.0.1:8082",
            show_default=True,
            help="The router's status site.",
        ),
    ):
        command = option(command)
    return command


@click.command()
@_site_options
@click.option("--quarantine", is_flag=True, help="What could not be used, and why.")
def routes(
    status: str,
    user: str,
    password_file: str | None,
    as_json: bool,
    quarantine: bool,
) -> None:
    """List the routes of a router and their instances."""
    site = _site(status, user, password_file)
    if quarantine:
        _show(_read(site, "/routes?quarantine"), quarantine_text, as_json)
    else:
        _show(_read(site, "/routes"), routes_text, as_json)


@click.command()
@_site_options
@click.option("--url", required=True, help="http://host/path, or host/path.")
@click.option("--method", default="GET", show_default=True)
def explain(
    status: str,
    user: str,
    password_file: str | None,
    as_json: bool,
    url: str,
    method: str,
) -> None:
    """Say which route a request would take, why, and who would answer.

    The request goes nowhere.
    """
    site = _site(status, user, password_file)
    found = _read(site, "/explain", {"method": method, "url": url})
    _show(found, explanation_text, as_json)
    if found["status"]:
        sys.exit(NOT_SERVED)


def _site(url: str, user: str, password_file: str | None) -> StatusSite:
    try:
        if password_file:
            password = Secrets(os.environ, read_secret_file).from_file(password_file)
        else:
            password = Secret(os.environ.get("ROUTER_STATUS_PASS", ""))
        return StatusSite(url, user, password)
    except (RefusedError, SiteError) as error:
        raise click.UsageError(str(error)) from error


def _read(site: StatusSite, path: str, query: Mapping[str, str] | None = None) -> Any:
    try:
        return site.read(path, query)
    except SiteError as error:
        leave_undone(str(error))


def _show(found: Any, text: Callable[[Any], Iterable[str]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    try:
        lines = list(text(found))
    except (AttributeError, KeyError, TypeError, ValueError):
        leave_undone("the answer is not a router's of this version; see --json")
    for line in lines:
        click.echo(line)
