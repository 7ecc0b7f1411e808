"""routerctl as a whole."""

from __future__ import annotations

from tests.control.commands import CommandTestCase
from twisted_router import __version__


class MainTests(CommandTestCase):
    """main."""

    def test_it_says_its_version(self) -> None:
        self.assertEqual(f"{__version__}\n", self.invoke("--version").output)

    def test_its_help_names_the_commands_and_exit_statuses(self) -> None:
        shown = self.invoke("--help").output
        for expected in ("register", "unregister", "routes", "explain", "Exit status"):
            self.assertIn(expected, shown)
