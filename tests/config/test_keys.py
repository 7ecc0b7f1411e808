"""Tests of twisted_router.config.keys and of the schema's own promises."""

import dataclasses
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config.keys import section_keys, suggestion
from twisted_router.config.schema import (
    AuthScheme,
    Config,
    ConsulConfig,
    Secret,
    StaticRoute,
    StatusConfig,
)

_PROMISES = {
    *("doc", "name", "minimum", "maximum", "choices", "aliases"),
    *("check", "expected", "nonempty", "required", "environ"),
    *("environ_file", "one_or_more", "also"),
}


def _sections(section: type[Any] = Config) -> list[type[Any]]:
    found = [section]
    for key in section_keys(section):
        inner = key.section or key.named or key.item
        if dataclasses.is_dataclass(inner) and isinstance(inner, type):
            found += _sections(inner)
    return found


class SectionKeysTests(SynchronousTestCase):
    """A key is what the file calls it, typed as the schema annotates it."""

    def test_names_are_those_of_the_file(self) -> None:
        names = [key.name for key in section_keys(StatusConfig)]
        self.assertEqual(["port", "host", "user", "pass"], names)

    def test_an_optional_section_is_a_section_that_is_off_by_default(self) -> None:
        keys = {key.name: key for key in section_keys(Config)}
        self.assertEqual(
            (ConsulConfig, None), (keys["consul"].section, keys["consul"].default)
        )

    def test_a_list_knows_its_items_and_a_scalar_has_none(self) -> None:
        keys = {key.name: key for key in section_keys(Config)}
        self.assertEqual(
            [StaticRoute, str, None],
            [keys[name].item for name in ("routes", "extra_headers_to_log", "port")],
        )

    def test_a_key_with_names_of_the_files_own_knows_what_is_behind_them(self) -> None:
        (auth,) = (key for key in section_keys(Config) if key.name == "auth")
        self.assertEqual((AuthScheme, None), (auth.named, auth.item))


class SchemaTests(SynchronousTestCase):
    """The metadata is complete, and only what the loader knows."""

    def test_every_key_has_its_line_of_comment(self) -> None:
        for section in _sections():
            for key in section_keys(section):
                self.assertTrue(key.metadata["doc"], key.name)
                self.assertNotIn("\n", key.metadata["doc"], key.name)

    def test_metadata_has_nothing_that_the_loader_ignores(self) -> None:
        for section in _sections():
            for key in section_keys(section):
                self.assertEqual(set(), set(key.metadata) - _PROMISES, key.name)

    def test_what_is_checked_says_what_it_expects(self) -> None:
        for section in _sections():
            for key in section_keys(section):
                if "check" in key.metadata:
                    self.assertTrue(key.metadata["expected"], key.name)

    def test_every_default_passes_its_own_check(self) -> None:
        for section in _sections():
            for key in section_keys(section):
                if key.metadata.get("check") and key.kind is str and key.default:
                    self.assertTrue(key.metadata["check"](key.default), key.name)

    def test_a_secret_does_not_show_itself(self) -> None:
        status = StatusConfig(user="me", pass_=Secret("hunter2"))
        self.assertNotIn("hunter2", repr(status))
        self.assertNotIn("hunter2", f"{Config(status=status)}")


class SuggestionTests(SynchronousTestCase):
    """An unknown key is answered with the one that was probably meant."""

    def _suggest(self, name: str, prefix: str, section: type[Any]) -> str:
        keys = {key.name: key for key in section_keys(section)}
        return suggestion(name, prefix, keys)

    def test_a_slip_of_the_keyboard_gives_the_key_of_the_same_section(self) -> None:
        self.assertEqual(
            "; did you mean consul.address?",
            self._suggest("adress", "consul.", ConsulConfig),
        )

    def test_the_right_key_in_the_wrong_section_gives_its_place(self) -> None:
        self.assertEqual(
            "; did you mean consul.tag_prefix?", self._suggest("tag_prefix", "", Config)
        )

    def test_an_unlikely_key_gives_all_keys_of_a_section(self) -> None:
        self.assertEqual(
            ", expected port, host, user, pass",
            self._suggest("zzz", "status.", StatusConfig),
        )

    def test_an_unlikely_key_at_the_top_gives_nothing(self) -> None:
        self.assertEqual("", self._suggest("zzz", "", Config))
