"""``twistd router``: from the command line and a file to the tree of services."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import bcrypt
from twisted.application.service import (
    IService,
    IServiceCollection,
    MultiService,
)
from twisted.internet.task import react
from twisted.python import usage

from . import logs
from .auth.service import AuthService
from .auth.threads import HashingThreads
from .clients.consul import ConsulClient
from .clients.docker import DockerClient
from .config import Config, ConfigError, load_config_file
from .config.schema import ConsulConfig
from .discovery.catalog.service import CatalogService
from .discovery.consul import ConsulSource
from .discovery.contact import Contact
from .discovery.keeper import Keeper, Surroundings
from .discovery.rebuilding import Blueprint
from .discovery.static import static_instances
from .first_minute import (
    agent_answers,
    config_for,
    config_of,
    free_port,
    usual_agent,
    welcome,
)
from .interfaces import STATIC_SOURCE, RouterError
from .model import Instance
from .net.deadlines import Sweeper
from .net.reactor import install_unless_chosen
from .net.tls import ClientTls
from .net.transport import connector
from .proxy.access_log import AccessLog
from .proxy.counters import Counters
from .proxy.engine import Engine
from .proxy.explanation import Explainer
from .proxy.service import ProxyService
from .registrar.service import RegistrarService
from .retry import backoff_policy
from .routing.balance import Balancer
from .routing.build import TableBuilder
from .routing.claims import RoutingRules
from .routing.history import History
from .routing.ownership import HostOwner, HostOwnership
from .routing.table import differing_routes
from .routing.tables import RouteTables
from .service import ClosingService, RouterService, fail
from .single_look import look_once
from .status.facts import StatusFacts
from .status.service import StatusService

#: Where the embedded catalog listens, if nobody else does: where Consul's agent would.
_CATALOG_HOST, _CATALOG_PORT = "127.0.0.1", 8500


class Options(usage.Options):
    """The command line of ``twistd router``.

    :ivar config: what to run.
    :ivar embedded: run the embedded catalog and no Consul.
    """

    synopsis = "[--config FILE] [--check | --registrar-dry-run | --once]"
    longdesc = (
        "A reverse proxy whose routes come from Consul, and a registrar that puts "
        "Docker's containers there. Without --config it runs with the catalog of a "
        "Consul agent on this machine or, if there is none, with one of its own."
    )
    optParameters = [  # noqa: RUF012 - the form that twisted.python.usage wants
        ["config", "c", None, "The configuration, a YAML file; see etc/router.yml."],
    ]
    optFlags = [  # noqa: RUF012
        [
            "check",
            None,
            "Check the configuration, say what is wrong with it, and exit.",
        ],
        [
            "registrar-dry-run",
            None,
            "Say what the registrar would write to Consul and why, and exit.",
        ],
        [
            "once",
            None,
            "Register what runs now, deregister what does not, and exit.",
        ],
    ]

    def __init__(self) -> None:
        # Before anything imports the reactor, unless --reactor has chosen one.
        install_unless_chosen()
        super().__init__()
        self.config = Config()
        self.embedded = False

    def postOptions(self) -> None:
        """Read the file, or find out what a router without one can do.

        :raises SystemExit: the file has errors (1), or was only to be checked (0); or
            the registrar was to look once, and has done it (0) or not (1).
        """
        path = self["config"]
        if path is None:
            for flag in ("check", "registrar-dry-run", "once"):
                if self[flag]:
                    raise usage.UsageError(f"--{flag} needs --config FILE")
            self._without_file()
        else:
            try:
                loaded = load_config_file(path, os.environ)
            except ConfigError as error:
                _exit(str(error))
            for warning in loaded.warnings:
                sys.stderr.write(f"warning: {warning}\n")
            if self["check"]:
                sys.stdout.write(f"{path}: ok\n")
                raise SystemExit(0)
            self.config = loaded.config
            if self["registrar-dry-run"] or self["once"]:
                if self.config.docker is None:
                    _exit(f"{path}: there is no docker section, and so no registrar")
                logs.speak_plainly()
                # Here, before twistd goes into the background or writes a pid file.
                is_dry = bool(self["registrar-dry-run"])
                react(look_once, (self.config, os.environ, is_dry))
        self._set_logger()

    def _without_file(self) -> None:
        address = usual_agent(os.environ)
        if agent_answers(address):
            sys.stdout.write(
                f"No --config: using the Consul agent that answers at {address}.\n"
            )
            try:
                self.config = config_of(os.environ)
            except ConfigError as error:
                _exit(str(error))
        else:
            self.embedded = True
            port = free_port(_CATALOG_HOST, _CATALOG_PORT)
            address = f"{_CATALOG_HOST}:{port}"
            sys.stdout.write(
                "No --config and no Consul agent: running with an embedded catalog.\n"
            )
            self.config = config_for(address)

    def _set_logger(self) -> None:
        """Log as the configuration says, unless twistd was told how."""
        parent = getattr(self, "parent", None)
        if parent is None or parent.get("logger") or parent.get("syslog"):
            return
        logfile = parent.get("logfile")
        if logfile or parent.get("nodaemon"):
            parent["logger"] = logs.choose(self.config.logging.level, logfile)


def _exit(message: str) -> NoReturn:
    sys.stderr.write(message.rstrip("\n") + "\n")
    raise SystemExit(1)


def makeService(options: Options, reactor: Any = None) -> MultiService:
    """Build the router; nothing listens or connects before it is started.

    :param options: its routes are taken out of it.
    :param reactor: for tests; otherwise the one that is installed.
    """
    if reactor is None:
        from twisted.internet import reactor
    static = static_instances(options.config.routes)
    # From here on they are facts; 100,000 of them would take 20 MiB as configuration.
    options.config = config = replace(options.config, routes=())
    rng = random.SystemRandom()
    counters = Counters()
    sources: list[Keeper] = []
    history = History(time.time, lambda name: _index_of(name, sources))
    rules = _rules(config)
    tables = RouteTables(rules, reactor.seconds)
    tables.replace(STATIC_SOURCE, static)
    tables.subscribe(history.table_changed)
    access_log = _access_log(config, counters, reactor)
    auth = _auth(config, reactor, rng)
    engine = _engine(config, tables, access_log, auth, counters, reactor, rng)
    proxy = ProxyService(engine, reactor, reactor) if config.proxy else None
    catalog = _embedded_catalog(config, reactor) if options.embedded else None
    consul, keeper, registrar = _consul_parts(
        config,
        tables,
        _blueprint(tables, rules, static, reactor),
        history,
        reactor,
        rng,
    )
    if keeper is not None:
        sources.append(keeper)
    facts = StatusFacts(
        tables=tables,
        counters=counters,
        sources=sources,
        events=history,
        explain=Explainer(tables, engine.balancer, engine.request_limits).explain,
        proxy_port=lambda: 0 if proxy is None else proxy.port,
        draining=lambda: engine.draining,
        started_at_s=time.time(),
        index=config.index,
        registrar=registrar.state if registrar is not None else None,
        guard=keeper.guard if keeper is not None else None,
        services=keeper.services if keeper is not None else None,
        serves=config.proxy,
    )
    status = StatusService(reactor, config.status, facts)

    def say_welcome() -> None:
        if catalog is not None and proxy is not None:
            ports = (proxy.port, status.port, catalog.port)
            text = welcome(*(f"{_CATALOG_HOST}:{port}" for port in ports))
            # sys.stdout goes into the log by now; this is for a person to paste from.
            print(text, file=sys.__stdout__, flush=True)

    parts = (access_log, status, catalog, *consul, registrar, proxy)
    reopen = [access_log.reopen] if access_log is not None else []
    if config.auth and proxy is not None:
        parts = (auth, *parts)
        reopen.append(auth.reload)
    router = RouterService(reactor, reopen, say_welcome)
    for part in parts:
        if part is not None:
            part.setServiceParent(IServiceCollection(router))
    return router


def _index_of(name: str, sources: Iterable[Keeper]) -> int:
    """The highest index that the source of this name has seen."""
    return next((keeper.index for keeper in sources if keeper.source == name), 0)


def _rules(config: Config) -> RoutingRules:
    consul = config.consul or ConsulConfig()
    return RoutingRules(
        tag_prefix=consul.tag_prefix,
        domain=consul.domain,
        default_service=consul.default_service,
        datacenter=consul.datacenter,
        auth_schemes=frozenset(name for name, _ in config.auth),
        ownership=HostOwnership(
            HostOwner(owner.hosts, owner.services) for owner in consul.host_owners
        ),
    )


def _blueprint(
    tables: RouteTables,
    rules: RoutingRules,
    static: Mapping[str, Sequence[Instance]],
    reactor: Any,
) -> Blueprint:
    """How a second table is made, with the routes of the file in it, and compared."""
    return Blueprint(
        blank=lambda: TableBuilder(rules, reactor.seconds),
        beside={STATIC_SOURCE: static},
        differences=lambda copy: differing_routes(tables.table, copy.table),
        repair=tables.reconcile,
    )


def _access_log(config: Config, counters: Counters, reactor: Any) -> AccessLog | None:
    if not config.access_log.file or not config.proxy:
        return None
    return AccessLog(
        config.access_log.file,
        reactor,
        config.logging,
        config.extra_headers_to_log,
        counters,
    )


def _auth(config: Config, reactor: Any, rng: random.Random) -> AuthService:
    # Half of the processors may hash passwords: the proxy needs one to itself.
    at_once = max(1, len(os.sched_getaffinity(0)) // 2)
    threads = HashingThreads(reactor, bcrypt.checkpw, at_once)
    return AuthService(
        dict(config.auth),
        reactor,
        threads.run,
        rng.randbytes(32),
        at_once,
        threads.stop,
    )


def _client_tls(config: Config, reactor: Any) -> ClientTls:
    try:
        return ClientTls(reactor, config.backends.ca_cert)
    except RouterError as error:
        _exit(f"backends.ca_cert: {error}")


def _engine(
    config: Config,
    tables: RouteTables,
    access_log: AccessLog | None,
    auth: AuthService,
    counters: Counters,
    reactor: Any,
    rng: random.Random,
) -> Engine:
    balancer = Balancer(
        reactor.seconds,
        rng,
        config.backends.max_conns,
        on_retired=lambda state: engine.pool.retire(state),
    )
    tables.subscribe(balancer.table_changed)
    engine = Engine(
        config,
        tables,
        balancer,
        Sweeper(reactor, sweep_interval_s(config)),
        connector(reactor),
        _client_tls(config, reactor),
        counters,
        access_log,
        auth,
        time.monotonic,
        time.time,
        rng,
    )
    return engine


def _embedded_catalog(config: Config, reactor: Any) -> CatalogService:
    assert config.consul is not None
    port = int(config.consul.address[0].rpartition(":")[2])
    return CatalogService(reactor, _CATALOG_HOST, port)


def _consul_parts(
    config: Config,
    tables: RouteTables,
    blueprint: Blueprint,
    history: History,
    reactor: Any,
    rng: random.Random,
) -> tuple[list[IService], Keeper | None, RegistrarService | None]:
    """What asks Consul: services in the order of their start, keeper, registrar."""
    if config.consul is None:
        return [], None, None
    client = ConsulClient(reactor, config.consul)
    closing = ClosingService(client.close)
    registrar = _registrar(config, client, reactor, rng)
    if not config.proxy:
        return [closing], None, registrar
    contact = Contact(reactor)
    around = Surroundings(
        lambda: source, contact, client, tables, blueprint, history, time.time
    )
    keeper = Keeper(reactor, config, "consul", around)
    source = ConsulSource(reactor, client, keeper, config.consul, rng, contact=contact)
    return [closing, keeper, source], keeper, registrar


def _registrar(
    config: Config, client: ConsulClient, reactor: Any, rng: random.Random
) -> RegistrarService | None:
    if config.docker is None:
        return None
    return RegistrarService(
        DockerClient(reactor, config.docker, os.environ),
        client,
        config.docker,
        reactor,
        backoff_policy(rng, maximum_s=config.docker.retry_interval),
        rng,
        lambda: fail(reactor),
    )


def sweep_interval_s(config: Config) -> float:
    """How often deadlines are looked at: a quarter of the shortest, 1 s at most."""
    timeouts = (
        config.read_header_timeout,
        config.endpoint_timeout,
        config.body_idle_timeout,
        config.frontend_idle_timeout,
        config.tunnel_idle_timeout,
        config.backends.idle_timeout,
    )
    shortest = min((timeout for timeout in timeouts if timeout > 0), default=4.0)
    return max(0.05, min(1.0, shortest / 4))
