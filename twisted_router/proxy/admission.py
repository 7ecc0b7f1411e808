"""Whether a request may pass the gate of its route, or is sent elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..interfaces import Verdict
from ..model import Gate, TargetOptions
from ..routing.access import admitted
from ..routing.redirect import redirect_location
from . import errors
from .forward import rewrite_target

if TYPE_CHECKING:
    from .exchange import Exchange
    from .request_head import RequestHead

_AUTHORIZATION = re.compile(rb"(?im)^authorization:[\t ]*([^\r]*)")
_PROTO = re.compile(rb"(?im)^x-forwarded-proto:[\t ]*([a-z]+)")


class Admission:
    """Holds one request against a gate: address first, then user, then redirect.

    So it does with fabio; who may not ask does not even learn of a redirect. The
    request's body stays unread meanwhile.

    :param exchange: it is told to go on, or what to answer instead; perhaps before
        :meth:`begin` returns.
    """

    __slots__ = ("_asked", "_exchange", "_gate", "_over")

    _log = Logger()

    def __init__(self, exchange: Exchange, gate: Gate) -> None:
        self._exchange = exchange
        self._gate = gate
        self._asked: Deferred[None] | None = None
        self._over = False

    def begin(self) -> None:
        """Decide, or ask who can."""
        gate, exchange = self._gate, self._exchange
        request = exchange.request
        peer = exchange.client.peer[0]
        if gate.access and not admitted(gate.access, peer, request.forwarded_for):
            exchange.answer(errors.access_denied())
        elif gate.auth:
            asked = exchange.engine.authenticator.check(
                gate.auth, _authorization(request)
            )
            self._asked = asked.addCallbacks(self._judge, self._failed)
        else:
            self._pass()

    def cancel(self) -> None:
        """Nobody wants to know any more; the exchange hears nothing of it."""
        self._over = True
        if self._asked is not None:
            self._asked.cancel()

    def _judge(self, verdict: Verdict) -> None:
        if self._over:
            return
        self._over = True
        if verdict.granted:
            self._pass()
        elif verdict.challenge:
            self._exchange.answer(errors.unauthorized(verdict.challenge))
        else:
            self._exchange.answer(errors.auth_unavailable())

    def _failed(self, failure: Failure) -> None:
        """A fault of who was asked must not let anybody in, nor wait for ever."""
        if not self._over:
            self._over = True
            self._log.failure("authentication failed", failure)
            self._exchange.answer(errors.auth_unavailable())

    def _pass(self) -> None:
        exchange, options = self._exchange, self._gate.redirect
        if options is not None:
            location = _location(exchange.request, options)
            if location is not None:
                assert options.redirect is not None
                exchange.answer(errors.redirected(options.redirect.status, location))
                return
        exchange.admitted()


def _authorization(request: RequestHead) -> bytes:
    """The one Authorization field, ``b""`` if there are none or several."""
    values = _AUTHORIZATION.findall(request.fields)
    return values[0].rstrip(b"\t ") if len(values) == 1 else b""


def _location(request: RequestHead, options: TargetOptions) -> bytes | None:
    """Where the client is sent, ``None`` if it is there already."""
    assert options.redirect is not None
    target, _ = rewrite_target(
        request.target, options.strip.encode("ascii"), options.prepend.encode("ascii")
    )
    proto = _PROTO.search(request.fields)
    return redirect_location(
        options.redirect,
        proto[1] if proto is not None else b"http",
        request.host,
        request.path,
        target,
    )
