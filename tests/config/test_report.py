"""Tests of twisted_router.config.report."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config.report import (
    MAX_PROBLEMS,
    ConfigError,
    Report,
    has_control,
    shown,
    shown_key,
)
from twisted_router.interfaces import RouterError


class ReportTests(SynchronousTestCase):
    """Everything is told at once, in the order of the file."""

    def test_an_error_has_one_line_for_each_problem_in_file_order(self) -> None:
        report = Report("router.yml")
        report.problem(7, "consul.wait", "got '3d'")
        report.problem(2, "", "not valid YAML")
        error = self.assertRaises(ConfigError, report.raise_for_problems)
        lines = ("router.yml:2: not valid YAML", "router.yml:7: consul.wait: got '3d'")
        self.assertEqual(lines, error.problems)
        self.assertEqual("\n".join(lines), str(error))

    def test_without_a_problem_nothing_is_raised(self) -> None:
        report = Report("f")
        report.warn(3, "nats", "ignored")
        report.raise_for_problems()
        self.assertEqual(("f:3: nats: ignored",), report.warnings)

    def test_a_hopeless_file_is_given_up(self) -> None:
        report = Report("f")
        for line in range(1, MAX_PROBLEMS):
            report.problem(line, "x", "unknown key")
        error = self.assertRaises(ConfigError, report.problem, MAX_PROBLEMS, "x", "")
        self.assertEqual(MAX_PROBLEMS + 1, len(error.problems))
        self.assertIn("not read on", error.problems[-1])

    def test_a_key_is_not_clean_when_something_under_it_is_not(self) -> None:
        report = Report("f")
        report.problem(1, "routes[0].uri", "missing")
        report.problem(2, "consul.wait", "too long")
        self.assertEqual(
            [False, False, False, True, True],
            [
                report.clean(path)
                for path in ("routes", "consul", "consul.wait", "cons", "consul.token")
            ],
        )

    def test_it_is_an_error_of_the_router(self) -> None:
        self.assertTrue(issubclass(ConfigError, RouterError))


class ShownTests(SynchronousTestCase):
    """What comes from the file is shown on one short, printable line."""

    def test_long_text_is_cut(self) -> None:
        self.assertEqual(62, len(shown("x" * 1000)))

    def test_line_breaks_and_lone_surrogates_are_escaped(self) -> None:
        self.assertEqual("'a\\nb\\ud800'", shown("a\nb\ud800"))

    def test_the_login_of_a_url_is_not_shown(self) -> None:
        self.assertEqual("'http://***@host/'", shown("http://me:hunter2@host/"))

    def test_only_an_odd_key_is_quoted(self) -> None:
        self.assertEqual(
            ["max_idle", "'a b'"], [shown_key("max_idle"), shown_key("a b")]
        )

    def test_controls_and_surrogates_are_controls_and_letters_are_not(self) -> None:
        self.assertEqual(
            [True, True, True, False],
            [has_control(text) for text in ("a\n", "\x7f", "\udc80", "pässword ✓")],
        )
