"""Tests for ``twisted_router.registrar.labels``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.labels import (
    read_metadata,
    service_variables,
    split_tags,
)


class ServiceVariablesTests(SynchronousTestCase):
    """What is addressed to the registrar is found, whoever wrote it."""

    def test_keys_lose_the_prefix_and_are_lower_case(self) -> None:
        """``SERVICE_NAME`` and ``SERVICE_80_NAME`` become ``name``, ``80_name``."""
        found = service_variables(["SERVICE_NAME=web"], {"SERVICE_80_Name": "api"})
        self.assertEqual({"name": "web", "80_name": "api"}, found)

    def test_labels_win_over_the_environment(self) -> None:
        """The same key in both is the label's."""
        found = service_variables(["SERVICE_NAME=env"], {"SERVICE_NAME": "label"})
        self.assertEqual({"name": "label"}, found)

    def test_a_later_environment_entry_wins(self) -> None:
        """As in a process, the last one counts."""
        found = service_variables(["SERVICE_NAME=a", "SERVICE_NAME=b"], {})
        self.assertEqual({"name": "b"}, found)

    def test_capitals_win_among_labels(self) -> None:
        """Labels have no order, so spelling decides."""
        for labels in (
            {"SERVICE_NAME": "right", "SERVICE_name": "wrong"},
            {"SERVICE_name": "wrong", "SERVICE_NAME": "right"},
        ):
            self.assertEqual({"name": "right"}, service_variables([], labels))

    def test_everything_else_is_left_out(self) -> None:
        """Other prefixes, the bare prefix, and variables without a value."""
        env = ["PATH=/bin", "service_name=x", "SERVICE_=x", "SERVICE_NAME", "=x"]
        self.assertEqual({}, service_variables(env, {"traefik.enable": "true"}))

    def test_a_value_may_have_equals_signs(self) -> None:
        """Only the first one separates."""
        self.assertEqual({"x": "a=b"}, service_variables(["SERVICE_X=a=b"], {}))


class ReadMetadataTests(SynchronousTestCase):
    """Keys for a port win over those for all of them."""

    def test_ports_are_compared_as_they_are_written(self) -> None:
        """As registrator does; so numbers without end mean nothing either."""
        for key in ("080_name", "9" * 5000 + "_name"):
            self.assertEqual("", read_metadata({key: "x"}, 80).name)

    def test_nothing_said(self) -> None:
        """A container without any such variable has no wishes."""
        metadata = read_metadata({}, 80)
        self.assertEqual(
            ("", "", (), False, {}),
            (
                metadata.name,
                metadata.id,
                metadata.tags,
                metadata.ignore,
                metadata.attributes,
            ),
        )

    def test_the_ports_own_name_wins(self) -> None:
        """Whatever the order of the two."""
        metadata = read_metadata({"80_name": "api", "name": "web"}, 80)
        self.assertEqual(("api", True), (metadata.name, metadata.name_is_own))

    def test_another_ports_name_is_not_seen(self) -> None:
        """It does not turn into an attribute either."""
        metadata = read_metadata({"81_name": "api", "name": "web"}, 80)
        self.assertEqual(
            ("web", False, {}),
            (metadata.name, metadata.name_is_own, metadata.attributes),
        )

    def test_an_empty_name_of_its_own_is_none(self) -> None:
        """The default stands in for it, told apart by port as every default."""
        metadata = read_metadata({"80_name": "", "name": "web"}, 80)
        self.assertEqual(("", False), (metadata.name, metadata.name_is_own))

    def test_the_ports_own_id(self) -> None:
        """Likewise for IDs."""
        metadata = read_metadata({"80_id": "a", "id": "b"}, 80)
        self.assertEqual(("a", True), (metadata.id, metadata.id_is_own))

    def test_the_rest_are_attributes(self) -> None:
        """For this port over those for all."""
        metadata = read_metadata({"region": "eu", "uris": "a", "80_uris": "b"}, 80)
        self.assertEqual({"region": "eu", "uris": "b"}, metadata.attributes)

    def test_a_number_alone_is_an_attribute(self) -> None:
        """``SERVICE_80`` says nothing about port 80."""
        self.assertEqual({"80": "x"}, read_metadata({"80": "x"}, 80).attributes)

    def test_ignore_understands_no(self) -> None:
        """Registrator takes any text for yes."""
        for text, expected in (
            ("true", True),
            ("1", True),
            ("yes", True),
            ("whatever", True),
            ("", False),
            ("false", False),
            ("False", False),
            ("0", False),
            ("no", False),
            (" no ", False),
        ):
            self.assertEqual(
                expected, read_metadata({"ignore": text}, 80).ignore, repr(text)
            )

    def test_one_port_can_be_ignored(self) -> None:
        """And one of an ignored container's can be kept."""
        self.assertTrue(read_metadata({"80_ignore": "1"}, 80).ignore)
        self.assertFalse(read_metadata({"80_ignore": "1"}, 81).ignore)
        self.assertFalse(read_metadata({"80_ignore": "0", "ignore": "1"}, 80).ignore)


class SplitTagsTests(SynchronousTestCase):
    """Lists of tags, separated by commas."""

    def test_the_order_is_kept(self) -> None:
        """Blanks around tags are dropped, those within are not."""
        self.assertEqual(("b", "a x"), split_tags("b, a x"))

    def test_each_tag_once(self) -> None:
        """At its first place."""
        self.assertEqual(("a", "b"), split_tags("a,b,a"))

    def test_empty_tags_are_dropped(self) -> None:
        """An empty text has none at all."""
        self.assertEqual(("a",), split_tags(",a, ,"))
        self.assertEqual((), split_tags(""))

    def test_an_escaped_comma_belongs_to_the_tag(self) -> None:
        """As in registrator."""
        self.assertEqual(("a,b", "c"), split_tags(r"a\,b,c"))
