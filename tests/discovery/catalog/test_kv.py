"""``/v1/kv/`` without a network; a real Consul is held to the same by the contract."""

from __future__ import annotations

import json

from tests.discovery.catalog.test_resource import HERE, ResourceTestCase
from twisted_router.discovery.catalog.kv import VALUE_LIMIT_BYTES


class KeyValueTests(ResourceTestCase):
    """Reading and writing."""

    def setUp(self) -> None:
        super().setUp()
        for key in ("m/a", "m/b/1", "m/b/2", "n"):
            self.write(key, b"v")

    def write(self, path: str, value: bytes) -> bool:
        """Whether a PUT has written."""
        status, text = self.ask("PUT", f"/v1/kv/{path}", value)
        self.assertEqual(200, status, text)
        written: bool = json.loads(text)
        return written

    def test_a_value_comes_back(self) -> None:
        self.assertTrue(self.write("a?flags=42", b"hello"))
        (entry,) = self.get("/v1/kv/a")
        self.assertEqual(
            ("a", "aGVsbG8=", 42, 0),
            tuple(entry[name] for name in ("Key", "Value", "Flags", "LockIndex")),
        )
        self.assertEqual((200, "hello"), self.ask("GET", "/v1/kv/a?raw"))

    def test_an_empty_value_is_null(self) -> None:
        self.write("a", b"")
        self.assertIsNone(self.get("/v1/kv/a")[0]["Value"])

    def test_a_raw_value_is_no_page(self) -> None:
        self.write("a", b"<script>")
        response = self.successResultOf(self.begin("GET", "/v1/kv/a?raw"))
        for name, expected in (
            ("content-type", "text/plain"),
            ("content-security-policy", "sandbox"),
            ("x-content-type-options", "nosniff"),
        ):
            self.assertEqual([expected], response.headers.getRawHeaders(name))

    def test_trees_are_read(self) -> None:
        found = self.get("/v1/kv/m/?recurse")
        self.assertEqual(["m/a", "m/b/1", "m/b/2"], [one["Key"] for one in found])
        for query, expected in (
            ("m/?keys", ["m/a", "m/b/1", "m/b/2"]),
            ("m/?keys&separator=/", ["m/a", "m/b/"]),
            ("?keys&separator=/", ["m/", "n"]),
        ):
            self.assertEqual(expected, self.get(f"/v1/kv/{query}"), query)

    def test_what_is_not_there_is_not_found(self) -> None:
        for path in ("x", "x?raw", "x?recurse", "x?keys"):
            self.assertEqual((404, ""), self.ask("GET", f"/v1/kv/{path}"))

    def test_keys_and_trees_are_deleted(self) -> None:
        for path in ("n", "m/b?recurse", "nope"):
            self.assertEqual((200, "true"), self.ask("DELETE", f"/v1/kv/{path}"))
        self.assertEqual(["m/a"], self.get("/v1/kv/?keys"))

    def test_writes_may_depend_on_what_was_seen(self) -> None:
        index = self.get("/v1/kv/n")[0]["ModifyIndex"]
        self.assertFalse(self.write("n?cas=0", b"w"))
        self.assertEqual((200, "false"), self.ask("DELETE", "/v1/kv/n?cas=1"))
        self.assertTrue(self.write(f"n?cas={index}", b"w"))

    def test_a_value_has_a_largest_size(self) -> None:
        self.assertTrue(self.write("a", b"x" * VALUE_LIMIT_BYTES))
        status, text = self.ask("PUT", "/v1/kv/a", b"x" * (VALUE_LIMIT_BYTES + 1))
        self.assertEqual(
            (413, "Request body too large, max size: 524288 bytes."), (status, text)
        )

    def test_requests_are_refused_with_a_reason(self) -> None:
        parsing = "strconv.ParseUint: parsing "
        for method, path, expected in (
            ("GET", "", (400, "Missing key name")),
            ("PUT", "", (400, "Missing key name")),
            ("DELETE", "", (400, "Missing key name")),
            ("PUT", "a?flags=x", (500, f'{parsing}"x": invalid syntax')),
            ("PUT", f"a?cas={2**64}", (500, f'{parsing}"{2**64}": value out of range')),
            ("PUT", "a?cas=1&acquire=x", (400, "Conflicting flags: acquire=x&cas=1")),
            (
                "PUT",
                "a?acquire=x",
                (500, "Sessions are not in this development catalog"),
            ),
            ("PUT", "a?dc=elsewhere", (500, "No path to datacenter")),
            ("GET", "a%00b", (400, "")),
        ):
            self.assertEqual(expected, self.ask(method, f"/v1/kv/{path}"))
        self.assertEqual(4, len(self.get("/v1/kv/?keys")))

    def test_a_read_waits_for_its_key(self) -> None:
        (entry,) = self.get("/v1/kv/n")
        path = f"/v1/kv/n?raw&index={entry['ModifyIndex']}&wait=16s"
        waiting = self.client.get(HERE + path)
        self.write("m/a", b"other")
        self.assertNoResult(waiting)
        self.write("n", b"new")
        self.client.flush()
        response = self.successResultOf(waiting)
        self.assertEqual("new", self.successResultOf(response.text()))
