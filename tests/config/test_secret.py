"""Tests of twisted_router.config.secret."""

import os

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config import ConfigError, Secret, load_config
from twisted_router.config.secret import MAX_CHARS

from .loading import load, problems_of


def _token(
    written: str,
    environ: dict[str, str] | None = None,
    files: dict[str, str] | None = None,
) -> Secret:
    consul = load(f"consul: {{token: {written}}}", environ, files).config.consul
    assert consul is not None
    return consul.token


def _refusal(
    written: str,
    environ: dict[str, str] | None = None,
    files: dict[str, str] | None = None,
) -> str:
    (problem,) = problems_of(f"consul: {{token: {written}}}", environ, files)
    return problem.removeprefix("f:1: consul.token: ")


def _refusal_of_real(path: str) -> str:
    try:
        load_config(f"consul: {{token: {{file: {path}}}}}", "f", {})
    except ConfigError as error:
        return str(error)
    raise AssertionError("no problem")


class SecretTests(SynchronousTestCase):
    """A secret is text, the content of a file, or a variable of the environment."""

    def test_it_may_stand_in_the_file(self) -> None:
        self.assertEqual("abc", _token("abc"))
        self.assertIsInstance(_token("abc"), Secret)

    def test_a_files_last_line_break_is_not_part_of_it(self) -> None:
        files = {"/t1": "abc\n", "/t2": "abc\r\n", "/t3": " a b "}
        self.assertEqual(
            ["abc", "abc", " a b "],
            [_token(f"{{file: {path}}}", files=files) for path in files],
        )

    def test_it_may_be_a_variable(self) -> None:
        self.assertEqual("abc", _token("{env: TOKEN}", {"TOKEN": "abc"}))

    def test_a_real_file_is_read(self) -> None:
        path = os.path.abspath(self.mktemp())
        with open(path, "w", encoding="utf-8") as file:
            file.write("gehéim\n")
        loaded = load_config(f"consul: {{token: {{file: {path}}}}}", "f", {})
        self.assertEqual("gehéim", loaded.config.consul and loaded.config.consul.token)

    def test_a_real_file_that_is_not_text_is_a_problem(self) -> None:
        path = os.path.abspath(self.mktemp())
        with open(path, "wb") as file:
            file.write(b"\xff\xfe")
        problem = _refusal_of_real(path)
        self.assertIn("it is not UTF-8 text", problem)

    def test_a_device_without_end_is_not_read_to_its_end(self) -> None:
        problem = _refusal_of_real("/dev/zero")
        self.assertIn("is too long", problem)


class RefusalTests(SynchronousTestCase):
    """A secret that was asked for and is not there stops the start, unseen."""

    def test_a_missing_file_is_named_with_the_reason(self) -> None:
        self.assertEqual(
            "cannot read the file '/none': No such file or directory, expected the "
            "secret in it",
            _refusal("{file: /none}"),
        )

    def test_a_missing_variable_is_named(self) -> None:
        self.assertEqual(
            "there is no variable 'TOKEN' in the environment, expected the secret in "
            "it",
            _refusal("{env: TOKEN}"),
        )

    def test_an_empty_file_or_variable_leaves_no_door_open(self) -> None:
        self.assertEqual(
            "the file '/t' is empty, expected the secret in it",
            _refusal("{file: /t}", files={"/t": "\n"}),
        )
        self.assertEqual(
            "the variable 'TOKEN' is empty, expected the secret in it",
            _refusal("{env: TOKEN}", {"TOKEN": ""}),
        )

    def test_a_secret_of_several_lines_is_refused_and_not_shown(self) -> None:
        said = _refusal("{file: /t}", files={"/t": "hunter2\nX-Evil: 1"})
        self.assertIn("the file '/t' has a line break", said)
        self.assertNotIn("hunter2", said)

    def test_a_secret_longer_than_any_is_refused(self) -> None:
        files = {"/t": "x" * (MAX_CHARS + 1)}
        self.assertIn("is too long", _refusal("{file: /t}", files=files))

    def test_other_shapes_are_refused_and_not_shown(self) -> None:
        for written in (
            "[hunter2]",
            "{hunter2}",
            "{hunter2: hunter2}",
            "{env: A, file: hunter2}",
            "{env: [hunter2]}",
            "{env: }",
            "{file: ''}",
        ):
            said = _refusal(written)
            self.assertIn("expected text, {file: PATH} or {env: NAME}", said)
            self.assertNotIn("hunter2", said)
