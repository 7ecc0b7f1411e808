"""A router's status site, read by a program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

#: Seconds for a connection, and for each piece of an answer.
_LIMIT_S = 10.0

#: Of one answer: 100,000 routes, some times over.
_BODY_LIMIT_BYTES = 256 * 1024 * 1024


class SiteError(Exception):
    """The status site could not be read, in words for a person."""


class StatusSite:
    """Reads pages of a router.

    :param url: ``http://host:port``.
    :param user: ``""`` together with ``password`` for a site that is open.
    :param session: makes the requests instead of one of its own (tests).
    :raises SiteError: that is no such URL.
    """

    def __init__(
        self,
        url: str,
        user: str = "",
        password: str = "",
        *,
        session: requests.Session | None = None,
    ) -> None:
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            valid = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            valid = False
        if not valid:
            raise SiteError(f"{url!r} is no http://host:port of a status site")
        if parts.username is not None or parts.password is not None:
            raise SiteError("leave the login out of the status site's URL")
        self._url = f"{parts.scheme}://{parts.netloc}"
        self._session = session or requests.Session()
        # No proxy between us and the router, and no login from ~/.netrc.
        self._session.trust_env = False
        if user or password:
            # As text it would have to be Latin-1.
            login: Any = (user.encode(), password.encode())
            self._session.auth = login

    def read(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The JSON of a page.

        :raises SiteError: there is none.
        """
        try:
            with self._session.get(
                self._url + path,
                params=query,
                timeout=_LIMIT_S,
                allow_redirects=False,
                stream=True,
            ) as answer:
                body = _body(answer)
                if answer.status_code == 200:
                    return json.loads(body)
        except requests.RequestException as error:
            raise SiteError(f"{self._url}{path}: {_reason(error)}") from error
        except (ValueError, RecursionError) as error:
            raise SiteError(f"{self._url}{path}: the answer is no JSON") from error
        if answer.status_code == 401:
            raise SiteError(f"{self._url}{path}: it wants a user and a password")
        said = " ".join(body[:200].decode("utf-8", "replace").split())
        raise SiteError(f"{self._url}{path}: {answer.status_code} {said}")


def _body(answer: requests.Response) -> bytes:
    body = bytearray()
    for chunk in answer.iter_content(64 * 1024):
        body += chunk
        if len(body) > _BODY_LIMIT_BYTES:
            raise ValueError("too long")
    return bytes(body)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return f"no answer within {_LIMIT_S:g} s"
    if isinstance(error, requests.ConnectionError):
        return "cannot connect" if "refused" not in str(error) else "connection refused"
    return str(error)
