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
    # Requests: proxy -> routing.
    "proxy": frozenset({"config", "interfaces", "model", "net", "retry", "routing"}),
    # Facts the other way: containers to Consul.
    "registrar": frozenset({"clients", "config", "interfaces", "model", "retry"}),
    # Reads what the others count; of the proxy that is the counters alone.
    "status": frozenset({"config", "interfaces", "model", "proxy.counters"}),
    # Builds the tree of services, and so knows everyone.
    "tap": frozenset(
        {"clients", "config", "discovery", "interfaces", "model", "net", "proxy",
         "registrar", "retry", "routing", "status"}
    ),
}  # fmt: skip

#: Modules that decide and do no I/O: they can be tested with values alone.
PURE = (
    "model", "retry", "config", "routing", "registrar.container", "registrar.labels",
    "registrar.registration", "registrar.plan", "proxy.access_line", "proxy.counters",
    "proxy.framing", "proxy.head",
)  # fmt: skip
IMPURE_IMPORTS = ("twisted.internet", "twisted.web", "treq")

#: The one module that may take the global reactor.
REACTOR_OWNER = "tap"


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
    if within(name, PACKAGE) and name != f"{PACKAGE}.__version__":
        allowed = (f"{PACKAGE}.{other}" for other in (part, *MAY_IMPORT[part]))
        if not within(name, *allowed):
            yield f"{part} may not know it"
    if within(module, *PURE) and within(name, *IMPURE_IMPORTS):
        yield "a pure module does no I/O"
    if within(name, "twisted.internet.reactor") and module != REACTOR_OWNER:
        yield f"only {REACTOR_OWNER} knows the global reactor"


def module_name(path: Path) -> str:
    """The dotted name of a source file, without the package's."""
    parts = path.relative_to(SOURCES).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources() -> Iterable[Path]:
    """Every source file below the package, but not its own ``__init__``."""
    return (path for path in sorted(SOURCES.rglob("*.py")) if module_name(path))


class LayersTests(SynchronousTestCase):
    """The package keeps the rules."""

    def test_no_import_runs_against_an_arrow(self) -> None:
        modules = {
            f"{PACKAGE}.{module_name(path)}": imported_modules(
                path.read_text("utf-8"),
                f"{PACKAGE}.{module_name(path)}",
                path.name == "__init__.py",
            )
            for path in sources()
        }
        self.assertEqual([], violations(modules))

    def test_every_part_of_the_package_has_its_rule(self) -> None:
        parts = {module_name(path).partition(".")[0] for path in sources()}
        self.assertEqual(set(), parts - MAY_IMPORT.keys())


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
