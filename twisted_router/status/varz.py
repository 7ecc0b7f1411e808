"""``/varz``: one flat JSON object of figures, with gorouter's keys and some more."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict
from resource import RUSAGE_SELF, getrusage
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from ..proxy.counters import Counters
from .credentials import Credentials
from .facts import StatusFacts
from .page import Page, reply_json

_QUANTILES = ("50", "75", "90", "95", "99")


class CpuMeter:
    """How busy the process is, between one look and the next.

    :param cpu_s: seconds of CPU time that the process has used.
    """

    def __init__(
        self, clock: IReactorTime, cpu_s: Callable[[], float] = time.process_time
    ) -> None:
        self._clock = clock
        self._cpu_s = cpu_s
        self._seen = (clock.seconds(), cpu_s())
        self._usage = 0.0

    def usage(self) -> float:
        """CPU seconds per second since the last look, but over one second at least."""
        now_s, used_s = self._clock.seconds(), self._cpu_s()
        elapsed_s = now_s - self._seen[0]
        if elapsed_s >= 1.0:
            self._usage = (used_s - self._seen[1]) / elapsed_s
            self._seen = (now_s, used_s)
        return self._usage


class VarzPage(Page):
    """The figures of this moment.

    :param clock: the one by which routing tables are stamped.
    :param address: ``host:port`` of the status site.
    """

    def __init__(
        self,
        facts: StatusFacts,
        clock: IReactorTime,
        address: Callable[[], str],
        credentials: Credentials,
    ) -> None:
        super().__init__(credentials)
        self._facts = facts
        self._clock = clock
        self._address = address
        self._since_s = clock.seconds()
        self._cpu = CpuMeter(clock)

    def answer(self, request: Request) -> bytes:
        """All of them."""
        return reply_json(
            request,
            {
                **self._component(),
                **traffic(self._facts.counters),
                **self._routing(),
                **self._ours(),
            },
        )

    def _component(self) -> dict[str, Any]:
        """The process, as any part of Cloud Foundry describes itself.

        There are no ``credentials``: gorouter shows its own in clear.
        """
        facts = self._facts
        started = time.gmtime(facts.started_at_s)
        return {
            "type": "Router",
            "index": facts.index,
            "host": self._address(),
            "uuid": f"{facts.index}-{facts.uuid}",
            "start": time.strftime("%Y-%m-%d %H:%M:%S +0000", started),
            "uptime": format_uptime(self._clock.seconds() - self._since_s),
            "num_cores": os.cpu_count() or 1,
            "mem": getrusage(RUSAGE_SELF).ru_maxrss,  # KiB on Linux
            "cpu": self._cpu.usage(),
            "log_counts": {},
        }

    def _routing(self) -> dict[str, Any]:
        """The table. Figures for single applications are not counted here."""
        table = self._facts.tables.table
        age_s = self._clock.seconds() - table.built_at_s
        return {
            "urls": table.uri_count,
            "droplets": table.instance_count,
            "ms_since_last_registry_update": int(age_s * 1000),
            "top10_app_requests": [],
            "tags": {"component": {}},
        }

    def _ours(self) -> dict[str, Any]:
        """What gorouter has no key for."""
        facts = self._facts
        counters = facts.counters
        figures: dict[str, Any] = {
            "proxy_port": facts.proxy_port(),
            "draining": facts.draining(),
            "accepted": counters.accepted,
            "clients": counters.clients,
            "in_flight": counters.in_flight,
            "tunnels": counters.tunnels,
            "retries": counters.retries,
            "connect_failures": counters.connect_failures,
            "protocol_errors": counters.protocol_errors,
            "backend_exhausted_conns": counters.exhausted,
            "websocket_upgrades": counters.upgrades,
            "websocket_failures": counters.upgrade_failures,
            "errors": {str(k): n for k, n in sorted(counters.errors.items())},
            "log_lines_dropped": counters.log_lines_dropped,
            "quarantined": len(facts.quarantine()),
            "sources": [asdict(source.state()) for source in facts.sources],
        }
        if facts.registrar is not None:
            figures["registrar"] = dict(facts.registrar())
        return figures


def traffic(counters: Counters) -> dict[str, Any]:
    """Requests and responses under gorouter's names.

    :returns: ``latency`` in seconds, from buckets; its ``value`` is the mean and its
        ``samples`` how many there are, where gorouter has constants.
    """
    other, _, ok, moved, refused, failed = counters.responses
    samples = sum(counters.latency)
    latency = {q: counters.latency_quantile_s(int(q) / 100) for q in _QUANTILES}
    return {
        "requests": counters.requests,
        "rate": list(counters.rates),
        "requests_per_sec": counters.rates[0],
        "responses_2xx": ok,
        "responses_3xx": moved,
        "responses_4xx": refused,
        "responses_5xx": failed,
        "responses_xxx": other,
        "latency": {
            **latency,
            "value": counters.latency_total_s / samples if samples else 0.0,
            "samples": samples,
        },
        "bad_requests": counters.rejected,
        "bad_gateways": counters.bad_gateways,
    }


def format_uptime(uptime_s: float) -> str:
    """Write a duration as gorouter does: ``0d:3h:22m:31s``."""
    minutes, seconds = divmod(int(uptime_s), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}d:{hours}h:{minutes}m:{seconds}s"
