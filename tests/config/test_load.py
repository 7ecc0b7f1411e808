"""Tests of twisted_router.config.load: what all its parts promise together."""

import os

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config import (
    Config,
    ConfigError,
    ConsulConfig,
    Loaded,
    load_config,
    load_config_file,
)
from twisted_router.config.tree import MAX_CHARS

from .loading import load

# Pieces of YAML that meet in odd ways more often than random characters do.
_PIECES = st.sampled_from(
    (
        *("port", "consul", "routes", "status", "pass", "backends", "nats", "uri"),
        *("instances", "logging", "level", "wait", "max_idle_conns_per_host", "<<"),
        *(": ", ":", "\n", "\n  ", "\n- ", "- ", "? ", "{", "}", "[", "]", ", "),
        *("&a ", "*a", "!", "!!", "|", ">", "'", '"', "\\", "#", "%", "---\n", "..."),
        *("~", "null", "yes", "0", "-1", "010", "1e9", "30s", "64KiB", "a:80"),
        *("{file: x}", "{env: X}", "\t", "\r", "\x85", "\u2028", "\ufeff", "\0"),
        *("\\U00110000", "\ud800", "é", "%YAML 1.1\n", "%TAG ! !\n"),
    )
)
_YAMLISH = st.lists(st.one_of(_PIECES, _PIECES, st.characters()), max_size=30).map(
    "".join
)


class LoadConfigTests(SynchronousTestCase):
    """A text is a configuration, or a ConfigError; nothing else."""

    @settings(deadline=None, max_examples=200)
    @given(_YAMLISH)
    @example("port: 8081\nconsul: {token: {env: X}}")
    @example('"\\UFFFFFFFF": 1')
    @example("%YAML " + "9" * 5000 + ".1\n---\n")
    def test_no_text_raises_anything_but_a_config_error(self, text: str) -> None:
        try:
            loaded = load(text, {"X": "x"}, {"x": "y"})
        except ConfigError as error:
            self.assertTrue(error.problems)
            for problem in error.problems:
                self.assertRegex(problem, r"\Af:[0-9]+: [^\n]+\Z")
                problem.encode("utf-8")
        else:
            self.assertIsInstance(loaded.config, Config)

    def test_warnings_come_in_the_order_of_the_file(self) -> None:
        loaded = load("max_header_bytes: 9KiB\nnats:\nzone: a\nconsul:\n")
        lines = [warning.split(":")[1] for warning in loaded.warnings]
        self.assertEqual(["1", "2", "3"], lines)

    def test_the_name_of_the_file_is_in_every_message(self) -> None:
        error = self.assertRaises(ConfigError, load_config, "x: 1", "/etc/a.yml", {})
        self.assertEqual("/etc/a.yml:1: x: unknown key", str(error))


class LoadConfigFileTests(SynchronousTestCase):
    """A file that cannot be read is told like one that cannot be used."""

    def _file(self, data: bytes) -> str:
        path: str = os.path.abspath(self.mktemp())
        with open(path, "wb") as file:
            file.write(data)
        return path

    def _error(self, path: str) -> str:
        error: ConfigError = self.assertRaises(ConfigError, load_config_file, path, {})
        return "\n".join(error.problems)

    def test_a_file_is_loaded_with_the_environment(self) -> None:
        path = self._file(b"consul: {token: {env: T}}\n")
        config = load_config_file(path, {"T": "abc"}).config
        self.assertEqual("abc", config.consul and config.consul.token)

    def test_a_byte_order_mark_is_no_part_of_the_first_key(self) -> None:
        path = self._file(b"\xef\xbb\xbfconsul:\n")
        expected = Loaded(Config(consul=ConsulConfig()), ())
        self.assertEqual(expected, load_config_file(path, {}))

    def test_a_missing_file_is_named_with_the_reason(self) -> None:
        path = os.path.abspath(self.mktemp())
        self.assertEqual(
            f"{path}: cannot be read: No such file or directory", self._error(path)
        )

    def test_a_folder_is_no_file(self) -> None:
        path = os.path.abspath(self.mktemp())
        os.mkdir(path)
        self.assertEqual(f"{path}: cannot be read: Is a directory", self._error(path))

    def test_text_in_another_encoding_names_the_line(self) -> None:
        path = self._file("port: 1\nhost: é\n".encode("latin-1"))
        self.assertEqual(
            f"{path}:2: byte 0xe9 is not UTF-8, expected UTF-8 text", self._error(path)
        )

    def test_a_device_without_end_is_not_read_to_its_end(self) -> None:
        self.assertEqual(
            f"/dev/zero: more than {MAX_CHARS} bytes, expected fewer",
            self._error("/dev/zero"),
        )
