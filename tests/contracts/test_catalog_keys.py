"""Keys and values, on our catalog and on a real Consul 1.8.7."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from tests.contracts.catalogs import ConsulCatalog, EmbeddedCatalog, Suite
from tests.contracts.test_catalog_waiting import ASLEEP_S, Waiting, index_of
from tests.services import Answer

VALUE_LIMIT_BYTES = 512 * 1024


class Keys(Suite):
    """A catalog without keys, and ways to write some."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial waits for it
        """Begin without keys."""
        await super().setUp()
        await self.ask("DELETE", "/v1/kv/?recurse")

    async def write(self, path: str, value: bytes = b"v") -> Any:
        """PUT below ``/v1/kv/``; return the answer's JSON."""
        answer = await self.ask("PUT", f"/v1/kv/{path}", value)
        self.assertEqual(200, answer.code, answer.body)
        return answer.json()

    async def delete(self, path: str) -> Any:
        """DELETE below ``/v1/kv/``; return the answer's JSON."""
        answer = await self.ask("DELETE", f"/v1/kv/{path}")
        self.assertEqual(200, answer.code, answer.body)
        return answer.json()


class KeyValueContract(Keys):
    """``/v1/kv/``, without waiting."""

    async def modified(self, key: str) -> int:
        """The index of the last change of a key."""
        (entry,) = await self.get(f"/v1/kv/{key}")
        return int(entry["ModifyIndex"])

    async def test_a_value_comes_back_in_base64_with_its_flags(self) -> None:
        self.assertIs(True, await self.write("a/b?flags=42", b"\x00hello\xff"))
        (entry,) = await self.get("/v1/kv/a/b")
        created, modified = entry.pop("CreateIndex"), entry.pop("ModifyIndex")
        self.assertEqual(
            {
                "LockIndex": 0,
                "Key": "a/b",
                "Flags": 42,
                "Value": b64encode(b"\x00hello\xff").decode(),
            },
            entry,
        )
        self.assertEqual(created, modified)

    async def test_an_empty_value_is_null(self) -> None:
        await self.write("dir/", b"")
        (entry,) = await self.get("/v1/kv/dir/")
        self.assertIsNone(entry["Value"])

    async def test_a_raw_value_is_its_bytes_and_no_page(self) -> None:
        await self.write("a", b"<script>\xff")
        answer = await self.ask("GET", "/v1/kv/a?raw")
        self.assertEqual((200, b"<script>\xff"), (answer.code, answer.body))
        for name, expected in (
            ("content-type", "text/plain"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox"),
        ):
            self.assertEqual([expected], answer.headers.getRawHeaders(name))

    async def test_keys_may_have_any_character_that_can_be_seen(self) -> None:
        for key, path in (("a b", "a%20b"), ("ä", "%C3%A4"), ("a/b", "a%2Fb")):
            await self.write(path, b"x")
            (entry,) = await self.get(f"/v1/kv/{path}")
            self.assertEqual(key, entry["Key"])
        answer = await self.ask("PUT", "/v1/kv/a%00b", b"x")
        self.assertEqual((400, b""), (answer.code, answer.body))

    async def test_what_is_not_there_is_not_found_and_has_an_index(self) -> None:
        await self.write("a")
        for path in ("nope", "nope?raw", "nope?recurse", "nope?keys", "nope/?keys"):
            answer = await self.ask("GET", f"/v1/kv/{path}")
            self.assertEqual((404, b""), (answer.code, answer.body), path)
            self.assertLessEqual(1, index_of(answer), path)

    async def test_without_any_keys_there_is_still_a_list_of_them(self) -> None:
        for path, expected in (("?keys", (200, [])), ("?recurse", (404, None))):
            answer = await self.ask("GET", f"/v1/kv/{path}")
            found = answer.json() if answer.body else None
            self.assertEqual(expected, (answer.code, found), path)

    async def test_trees_are_read_by_how_keys_begin(self) -> None:
        for key in ("m/b/2", "m", "m/a", "m/b/1", "n"):
            await self.write(key)
        for path, expected in (
            ("?recurse", ["m", "m/a", "m/b/1", "m/b/2", "n"]),
            ("m/?recurse", ["m/a", "m/b/1", "m/b/2"]),
            ("m?recurse&raw", ["m", "m/a", "m/b/1", "m/b/2"]),
        ):
            found = await self.get(f"/v1/kv/{path}")
            self.assertEqual(expected, [one["Key"] for one in found], path)
        for path, expected in (
            ("?keys", ["m", "m/a", "m/b/1", "m/b/2", "n"]),
            ("m/?keys", ["m/a", "m/b/1", "m/b/2"]),
            ("m/?keys&separator=/", ["m/a", "m/b/"]),
            ("?keys&separator=/", ["m", "m/", "n"]),
            ("m/b?keys&separator=/", ["m/b/"]),
            ("m?keys&recurse&raw", ["m", "m/a", "m/b/1", "m/b/2"]),
        ):
            self.assertEqual(expected, await self.get(f"/v1/kv/{path}"), path)

    async def test_check_and_set_writes_only_over_what_was_seen(self) -> None:
        self.assertIs(True, await self.write("a?cas=0"))
        self.assertIs(False, await self.write("a?cas=0", b"w"))
        self.assertIs(False, await self.write("a?cas=1", b"w"))
        self.assertIs(True, await self.write(f"a?cas={await self.modified('a')}", b"w"))
        self.assertIs(False, await self.write("b?cas=9", b"w"))

    async def test_check_and_delete_removes_only_what_was_seen(self) -> None:
        await self.write("a")
        self.assertIs(False, await self.delete("a?cas=0"))
        self.assertIs(False, await self.delete("a?cas=1"))
        self.assertIs(True, await self.delete(f"a?cas={await self.modified('a')}"))
        self.assertIs(True, await self.delete("a?cas=9"))

    async def test_keys_and_trees_are_deleted(self) -> None:
        for key in ("a", "m/a", "m/b", "n"):
            await self.write(key)
        for path in ("a", "nope", "m/?recurse", "nope/?recurse"):
            self.assertIs(True, await self.delete(path))
        self.assertEqual(["n"], await self.get("/v1/kv/?keys"))

    async def test_a_value_has_a_largest_size(self) -> None:
        self.assertIs(True, await self.write("a", b"x" * VALUE_LIMIT_BYTES))
        answer = await self.ask("PUT", "/v1/kv/a", b"x" * (VALUE_LIMIT_BYTES + 1))
        self.assertEqual(413, answer.code)
        self.assertIn(b"too large, max size: 524288 bytes.", answer.body)
        answer = await self.ask("GET", "/v1/kv/a?raw")
        self.assertEqual(VALUE_LIMIT_BYTES, len(answer.body))

    async def test_requests_are_refused_with_a_reason(self) -> None:
        number = 'strconv.ParseUint: parsing "xx": invalid syntax'
        for method, path, status, text in (
            ("GET", "", 400, "Missing key name"),
            ("PUT", "", 400, "Missing key name"),
            ("DELETE", "", 400, "Missing key name"),
            ("PUT", "a?flags=xx", 500, number),
            ("PUT", "a?cas=xx", 500, number),
            ("DELETE", "a?cas=xx", 500, number),
            (
                "PUT",
                "a?cas=18446744073709551616",
                500,
                'strconv.ParseUint: parsing "18446744073709551616": value out of range',
            ),
            ("DELETE", "a?recurse&cas=1", 400, "Conflicting flags: cas=1&recurse="),
            ("PUT", "a?cas=1&acquire=x", 400, "Conflicting flags: acquire=x&cas=1"),
            ("GET", "a?dc=elsewhere", 500, "No path to datacenter"),
            ("PUT", "a?dc=elsewhere", 500, "No path to datacenter"),
            ("POST", "a", 405, "method POST not allowed"),
        ):
            answer = await self.ask(method, f"/v1/kv/{path}", b"x")
            self.assertEqual(
                (status, text), (answer.code, answer.body.decode()), (method, path)
            )
        self.assertEqual([], await self.get("/v1/kv/?keys"))

    async def test_the_methods_of_a_key_can_be_asked_for(self) -> None:
        answer = await self.ask("OPTIONS", "/v1/kv/a")
        self.assertEqual(
            ["OPTIONS,GET,PUT,DELETE"], answer.headers.getRawHeaders("allow")
        )


class KeyWaitingContract(Waiting, Keys):
    """What wakes those who wait for keys."""

    #: Watches by name. None for what is not there: that has no index of its own, and
    #: whether Consul wakes depends on what is near it in its tree.
    WATCHES = {  # noqa: RUF012 - nobody changes it
        "key": "kv/m/a",
        "tree": "kv/m/?recurse",
        "names": "kv/m/?keys&separator=/",
        "other": "kv/n/?recurse",
        "all": "kv/?recurse",
        "services": "catalog/services",
        "state": "health/state/any",
    }

    async def setUp(self) -> None:  # type: ignore[override]  # trial waits for it
        """Have some keys."""
        await super().setUp()
        for key in ("m/a", "m/b", "n/a"):
            await self.write(key)

    async def assert_keys_wake(self, change: Any, *expected: str) -> None:
        """The change wakes these watches and no others."""
        woken = await self.wake(self.WATCHES, change, set(expected))
        self.assertEqual(set(expected), woken)

    async def test_a_change_wakes_who_watches_the_key_and_its_trees(self) -> None:
        for change in (
            self.write("m/a", b"w"),
            self.write("m/a?flags=1", b"w"),
            self.delete("m/a"),
            self.write("m/a"),
        ):
            await self.assert_keys_wake(change, "key", "tree", "names", "all")

    async def test_a_change_beside_a_key_wakes_its_trees(self) -> None:
        for change in (
            self.write("m/b", b"w"),
            self.write("m/c"),
            self.delete("m/c"),
        ):
            await self.assert_keys_wake(change, "tree", "names", "all")

    async def test_a_change_elsewhere_wakes_who_watches_everything(self) -> None:
        await self.assert_keys_wake(self.write("z"), "all")
        await self.assert_keys_wake(self.write("n/a", b"w"), "other", "all")

    async def test_a_deleted_tree_wakes_who_watched_it(self) -> None:
        await self.assert_keys_wake(
            self.delete("m/?recurse"), "key", "tree", "names", "all"
        )

    async def test_what_changes_nothing_wakes_nobody(self) -> None:
        for change in (
            self.write("m/a"),
            self.write("m/a?cas=1", b"w"),
            self.delete("m/nope"),
            self.delete("m/a?cas=1"),
        ):
            await self.assert_keys_wake(change)

    async def test_services_wake_nobody_who_watches_keys(self) -> None:
        await self.assert_keys_wake(self.register(), "services")

    async def test_a_key_that_is_not_there_wakes_when_it_comes(self) -> None:
        index = index_of(await self.ask("GET", "/v1/kv/m/new"))
        waiting = self.begin("kv/m/new?raw", index)
        await self.pause(ASLEEP_S)
        await self.write("m/new", b"hello")
        answer: Answer = await waiting
        self.assertEqual((200, b"hello"), (answer.code, answer.body))


class EmbeddedKeyValueTests(KeyValueContract, EmbeddedCatalog):
    """Keys of the embedded catalog."""


class ConsulKeyValueTests(KeyValueContract, ConsulCatalog):
    """Keys of a real Consul."""


class EmbeddedKeyWaitingTests(KeyWaitingContract, EmbeddedCatalog):
    """Waiting for keys of the embedded catalog."""


class ConsulKeyWaitingTests(KeyWaitingContract, ConsulCatalog):
    """Waiting for keys of a real Consul."""
