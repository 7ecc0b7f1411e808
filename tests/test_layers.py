"""The architecture, held: who may import whom, and what stays free of I/O.

Facts and requests run one way through the packages; nothing imports against an arrow.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import twisted_router

PACKAGE = "twisted_router"
SOURCES = Path(twisted_router.__file__).parent
TESTS = Path(__file__).parent

#: What each part may import of the others. A part may always import itself; a dotted
#: name stands for that module and all below it.
MAY_IMPORT: Mapping[str, frozenset[str]] = {
    # Values and seams, which everyone may name and which know nobody.
    "model": frozenset(),
    "interfaces": frozenset({"model"}),
    "retry": frozenset(),
    "config": frozenset({"interfaces", "model"}),
    # Tools that would serve any other server as well.
    "net": frozenset({"interfaces"}),
    # Facts: clients -> discovery -> routing. Discovery hands them over through
    # IFactsConsumer, and so need not know the table.
    "clients": frozenset({"config", "interfaces", "model", "retry"}),
    "discovery": frozenset({"clients", "config", "interfaces", "model", "retry"}),
    "routing": frozenset({"config", "interfaces", "model"}),
    # Users and passwords; the proxy asks through IAuthenticator.
    "auth": frozenset({"config", "interfaces"}),
    # Requests: proxy -> routing.
    "proxy": frozenset({"config", "interfaces", "model", "net", "retry", "routing"}),
    # Facts the other way: containers to Consul.
    "registrar": frozenset({"clients", "config", "interfaces", "model", "retry"}),
    # A program of its own: it asks Consul and a router's status site as anyone could.
    "control": frozenset({"config", "interfaces", "retry", "routing"}),
    # Reads what the others count; of the proxy that is the counters alone.
    "status": frozenset({"config", "interfaces", "model", "proxy.counters"}),
    # The process around them.
    "first_minute": frozenset({"config"}),
    "logs": frozenset(),
    "service": frozenset({"interfaces"}),
    "single_look": frozenset({"clients", "config", "interfaces", "registrar"}),
}

#: Modules that decide and do no I/O: they can be tested with values alone.
PURE = (
    "auth.basic", "auth.htpasswd", "auth.verified",
    "control.lines", "control.messages", "control.registration", "control.text",
    "model", "retry", "config", "routing", "registrar.container",
    "registrar.description", "registrar.labels",
    "registrar.registration", "registrar.plan", "registrar.checks", "registrar.meta",
    "registrar.reach", "registrar.owner", "registrar.joined", "registrar.desired",
    "registrar.reports", "registrar.comparison", "proxy.access_line", "proxy.counters",
    "proxy.errors", "proxy.forward", "proxy.framing", "proxy.head",
    "proxy.last_hop", "proxy.request_head", "proxy.response_head", "proxy.upload",
)  # fmt: skip
IMPURE_IMPORTS = ("twisted.internet", "twisted.web", "treq")

#: Builds the tree of services, and so knows everyone, and the global reactor.
BUILDER = "tap"

#: Parts whose tests mirror them, file by file.
MIRRORED = ("auth", "clients", "config", "control", "registrar", "routing", "status")
#: Modules of these that are shorter may live without a test file of the same path,
SHORT_LINES = 30
#: and so may these, for a reason.
UNPAIRED: Mapping[str, str] = {
    "control.parameters": "only the commands use it: driven by the tests of those",
    "control.surroundings": "likewise",
    "clients.pyconsul": "only clients.consul uses it: driven by the tests of that",
    "config.schema": "declarations: read by the tests of binding and document",
}


def imported_modules(source: str, module: str, is_package: bool = False) -> set[str]:
    """Dotted names of everything that a module imports, wherever in it.

    ``from a import b`` gives ``a.b``, as ``b`` may be a module.

    :param module: the module's own dotted name, for relative imports.
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                up = node.level - is_package
                above = parts[: len(parts) - up] if up else parts
                base = ".".join([*above, base] if base else above)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def within(name: str, *prefixes: str) -> bool:
    """Whether a dotted name is one of these, or below one of them."""
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def violations(modules: Mapping[str, set[str]]) -> list[str]:
    """What breaks the rules, one line for each.

    :param modules: ``{dotted name: names it imports}``, of our modules.
    """
    return sorted(
        f"{module} imports {name}: {rule}"
        for module, names in modules.items()
        for name in names
        for rule in _broken_rules(module.removeprefix(f"{PACKAGE}."), name)
    )


def _broken_rules(module: str, name: str) -> Iterator[str]:
    part = module.partition(".")[0]
    if module != BUILDER:
        if part not in MAY_IMPORT:
            yield f"{part} has no rule, give it one"
        elif within(name, PACKAGE) and name != f"{PACKAGE}.__version__":
            allowed = (f"{PACKAGE}.{other}" for other in (part, *MAY_IMPORT[part]))
            if not within(name, *allowed):
                yield f"{part} may not know it"
        if within(name, "twisted.internet.reactor"):
            yield f"only {BUILDER} knows the global reactor"
    if within(module, *PURE) and within(name, *IMPURE_IMPORTS):
        yield "a pure module does no I/O"


def unpaired(modules: Mapping[str, int], tests: Iterable[str]) -> list[str]:
    """Modules that lack a test of the same path, and exemptions that are not needed.

    :param modules: ``{dotted name: number of lines}``.
    :param tests: dotted names of the test modules, ``routing.test_table``.
    """
    present = set(tests)
    lacking = {
        module
        for module, lines in modules.items()
        if lines > SHORT_LINES
        and within(module, *MIRRORED)
        and ".test_".join(module.rsplit(".", 1)) not in present
    }
    return sorted(lacking ^ UNPAIRED.keys())


def python_files(root: Path) -> dict[str, Path]:
    """``{dotted name below root: file}``; a package goes by its own name."""
    files = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            files[name] = path
    return files


class LayersTests(SynchronousTestCase):
    """The package keeps the rules."""

    def test_no_import_runs_against_an_arrow(self) -> None:
        modules = {
            f"{PACKAGE}.{name}": imported_modules(
                path.read_text("utf-8"),
                f"{PACKAGE}.{name}",
                path.name == "__init__.py",
            )
            for name, path in python_files(SOURCES).items()
        }
        self.assertEqual([], violations(modules))

    def test_every_module_of_some_length_has_a_test_of_the_same_path(self) -> None:
        modules = {
            name: len(path.read_text("utf-8").splitlines())
            for name, path in python_files(SOURCES).items()
            if path.name != "__init__.py"
        }
        self.assertEqual([], unpaired(modules, python_files(TESTS)))


class CheckerTests(SynchronousTestCase):
    """The rules are noticed when they are broken."""

    def check(self, module: str, source: str) -> list[str]:
        """What is wrong with a module of this text."""
        name = f"{PACKAGE}.{module}"
        return violations({name: imported_modules(source, name)})

    def test_an_import_against_an_arrow(self) -> None:
        self.assertEqual(
            [
                "twisted_router.routing.table imports twisted_router.proxy.head.Head:"
                " routing may not know it"
            ],
            self.check("routing.table", "from ..proxy.head import Head"),
        )

    def test_an_import_along_an_arrow_is_none(self) -> None:
        self.assertEqual(
            [], self.check("proxy.engine", "from ..routing.table import RouteTable")
        )

    def test_a_single_module_can_be_allowed(self) -> None:
        self.assertEqual(
            [], self.check("status.varz", "from ..proxy.counters import Counters")
        )
        self.assertEqual(
            1, len(self.check("status.varz", "from ..proxy import engine, counters"))
        )

    def test_imports_are_seen_in_every_form(self) -> None:
        for source in (
            "import twisted_router.status.varz",
            "from twisted_router.status import varz",
            "from twisted_router import status",
            "from ..status.varz import VarzPage",
            "from .. import status",
            "from .. import status as s",
            "def late():\n    from ..status import varz",
            "if TYPE_CHECKING:\n    from ..status import varz",
        ):
            self.assertEqual(1, len(self.check("model.x", source)), source)

    def test_relative_imports_of_a_package_start_at_itself(self) -> None:
        self.assertEqual(
            {"twisted_router.config.load.load", "twisted_router.model.Route"},
            imported_modules(
                "from .load import load\nfrom ..model import Route",
                "twisted_router.config",
                is_package=True,
            ),
        )

    def test_input_and_output_in_a_pure_module(self) -> None:
        for source in (
            "from twisted.internet.defer import Deferred",
            "from twisted.internet import task",
            "import twisted.web.http",
            "import treq",
            "from treq.client import HTTPClient",
        ):
            self.assertEqual(1, len(self.check("proxy.head", source)), source)

    def test_a_logger_in_a_pure_module_is_none(self) -> None:
        self.assertEqual(
            [], self.check("routing.tables", "from twisted.logger import Logger")
        )

    def test_a_part_without_a_rule(self) -> None:
        self.assertEqual(
            ["twisted_router.cache.disk imports os: cache has no rule, give it one"],
            self.check("cache.disk", "import os"),
        )

    def test_names_that_only_begin_alike_are_others(self) -> None:
        self.assertEqual([], self.check("proxy.header_pages", "import treq"))
        self.assertEqual([], self.check("model", "import treqlike"))

    def test_the_global_reactor(self) -> None:
        for source in (
            "from twisted.internet import reactor",
            "import twisted.internet.reactor",
            "def now():\n    from twisted.internet import reactor",
        ):
            self.assertEqual(1, len(self.check("net.x", source)), source)
            self.assertEqual([], self.check("tap", source))

    def test_a_long_module_without_a_test(self) -> None:
        modules = {"routing.table": 31, "routing.paths": 31, **self.exempt()}
        tests = ["routing.test_paths", "proxy.test_table", "test_table"]
        self.assertEqual(["routing.table"], unpaired(modules, tests))

    def test_a_short_module_needs_none(self) -> None:
        self.assertEqual([], unpaired({"routing.table": 30, **self.exempt()}, []))

    def test_an_exemption_that_is_not_needed_any_more(self) -> None:
        tests = ["clients.test_pyconsul"]
        self.assertEqual(["clients.pyconsul"], unpaired(self.exempt(), tests))

    def exempt(self) -> dict[str, int]:
        """The modules that are exempt, all long."""
        return dict.fromkeys(UNPAIRED, 1000)
