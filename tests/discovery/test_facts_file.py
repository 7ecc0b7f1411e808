"""Tests of facts as a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.discovery.support import instance
from twisted_router.discovery.facts_file import (
    FactsFileError,
    encode_service,
    read_facts,
    touch_facts,
    write_facts,
)
from twisted_router.model import Status, Weights

FACTS = {
    "web": (
        instance("web", 1, tags=("urlprefix-web/ strip=/ä", "x"), meta={"uris": "a/b"}),
        instance("web", 2, status=Status.CRITICAL, weights=Weights(3, 0), node=""),
    ),
    "line\nbreak": (instance("line\nbreak", 1, tags=("\udc80",)),),
}


class FactsFileTestCase(SynchronousTestCase):
    """A file in a folder of its own."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "facts"

    def write(self, at_s: float = 1000.0) -> int:
        lines = [encode_service(name, found) for name, found in FACTS.items()]
        return write_facts(str(self.path), "consul", lines, at_s)

    def refusal(self) -> str:
        """Why the file cannot be read."""
        error = self.assertRaises(FactsFileError, read_facts, str(self.path), "consul")
        return str(error)


class WriteTests(FactsFileTestCase):
    """It is there whole, for its owner alone."""

    def test_what_was_written_is_read(self) -> None:
        size = self.write(1234.5)
        stored = read_facts(str(self.path), "consul")
        self.assertEqual((FACTS, 1234.5), (stored.services, stored.confirmed_at_s))
        self.assertEqual(size, self.path.stat().st_size)

    def test_only_its_owner_reads_it(self) -> None:
        """Tags and Meta may hold what not everyone should know."""
        beside = Path(f"{self.path}.new")
        beside.touch(0o666)
        self.write()
        self.assertEqual(0o600, self.path.stat().st_mode & 0o777)

    def test_nothing_else_is_left(self) -> None:
        self.write()
        self.write()
        self.assertEqual([self.path], list(self.path.parent.iterdir()))

    def test_what_cannot_be_written_leaves_the_old_one(self) -> None:
        self.write()
        before = self.path.read_bytes()
        beside = Path(f"{self.path}.new")
        beside.mkdir()
        self.assertRaises(OSError, self.write)
        self.assertEqual(before, self.path.read_bytes())

    def test_a_link_in_its_way_is_not_followed(self) -> None:
        other = self.path.with_name("other")
        Path(f"{self.path}.new").symlink_to(other)
        self.assertRaises(OSError, self.write)
        self.assertFalse(other.exists())

    def test_to_touch_it_moves_its_time_alone(self) -> None:
        self.write(1000.0)
        before = self.path.read_bytes()
        touch_facts(str(self.path), 2000.0)
        self.assertEqual(2000.0, read_facts(str(self.path), "consul").confirmed_at_s)
        self.assertEqual(before, self.path.read_bytes())


class ReadTests(FactsFileTestCase):
    """Nothing is believed that is not whole and ours."""

    def header(self, **changes: object) -> None:
        """Write the file, with another header."""
        self.write()
        first, _, body = self.path.read_bytes().partition(b"\n")
        given = {**json.loads(first), **changes}
        self.path.write_bytes(json.dumps(given).encode() + b"\n" + body)

    def test_no_file_is_no_error_of_its_own(self) -> None:
        self.assertRaises(FileNotFoundError, read_facts, str(self.path), "consul")

    def test_every_cut_and_every_changed_byte_is_found(self) -> None:
        self.write()
        whole = self.path.read_bytes()
        for length in range(0, len(whole), 7):
            self.path.write_bytes(whole[:length])
            self.refusal()
        for place in range(0, len(whole), 3):
            broken = bytearray(whole)
            broken[place] ^= 0x01
            self.path.write_bytes(broken)
            self.assertRaises(FactsFileError, read_facts, str(self.path), "consul")

    def test_something_appended_is_found(self) -> None:
        self.write()
        with self.path.open("ab") as file:
            file.write(b"[]\n")
        self.assertIn("damaged", self.refusal())

    def test_another_programs_file_is_told(self) -> None:
        for content in (b"", b"\x00\x01", b"[1]\n", b'{"format": "x"}\n', b"[" * 9999):
            self.path.write_bytes(content)
            self.assertEqual("is no file of this program", self.refusal())

    def test_a_later_version_is_told(self) -> None:
        self.header(version=2)
        self.assertEqual("is of version 2, only 1 is known", self.refusal())

    def test_facts_of_another_origin_are_told(self) -> None:
        self.header(origin="consul dc2")
        self.assertEqual("is of 'consul dc2' and not of 'consul'", self.refusal())

    def test_a_service_that_is_none_is_told(self) -> None:
        for line in (b"[]\n", b'["web", [[1, 2]]]\n', b'{"a": 1}\n', b"3\n"):
            write_facts(str(self.path), "consul", [line], 1.0)
            self.assertIn("holds a service that is none", self.refusal())

    def test_what_cannot_be_read_is_told(self) -> None:
        os.mkdir(self.path)
        self.assertEqual("cannot be read: Is a directory", self.refusal())
