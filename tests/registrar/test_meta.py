"""Tests for ``twisted_router.registrar.meta``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.meta import OWNER, publishable


class PublishableTests(SynchronousTestCase):
    """One pair that Consul does not take would lose the whole service."""

    def assert_left_out(self, key: str, value: str, reason: str) -> None:
        """The pair is left out, and the note says why."""
        meta, notes = publishable({key: value, "region": "eu"})
        self.assertEqual({"region": "eu"}, meta)
        self.assertEqual(1, len(notes), notes)
        self.assertIn(f"SERVICE_{key.upper()} is not published", notes[0])
        self.assertIn(reason, notes[0])

    def test_attributes_are_published(self) -> None:
        """Routes get to the router this way."""
        attributes = {"uris": "a.example.com,b.example.com/x", "region": ""}
        self.assertEqual((attributes, []), publishable(attributes))

    def test_attributes_about_the_check_are_left_out_in_silence(self) -> None:
        """They have been heeded elsewhere."""
        self.assertEqual(({}, []), publishable({"check_http": "/health"}))

    def test_a_name_that_consul_does_not_take(self) -> None:
        """Dots and blanks, or too long."""
        self.assert_left_out("a.b", "x", "Consul takes up to 128")
        self.assert_left_out("a b", "x", "Consul takes up to 128")
        self.assert_left_out("a" * 129, "x", "Consul takes up to 128")

    def test_a_name_of_128_characters_is_taken(self) -> None:
        """The limit itself is fine."""
        self.assertEqual(({"a" * 128: "x"}, []), publishable({"a" * 128: "x"}))

    def test_consuls_own_prefix(self) -> None:
        """It is reserved."""
        self.assert_left_out("consul-x", "x", "reserved")

    def test_our_own_marks_cannot_be_forged(self) -> None:
        """Or a container could make its service another node's."""
        self.assert_left_out(OWNER, "elsewhere", "the registrar's own")

    def test_a_value_of_512_bytes_is_the_longest(self) -> None:
        """Counted in UTF-8, as Consul does."""
        self.assert_left_out("x", "a" * 513, "over 512 bytes")
        self.assert_left_out("x", "\N{EURO SIGN}" * 171, "over 512 bytes")
        self.assertEqual(({"x": "a" * 512}, []), publishable({"x": "a" * 512}))

    def test_a_password_in_a_url_stays_here(self) -> None:
        """Whatever the attribute is called."""
        self.assert_left_out("db", "postgres://u:pw@db/x", "has a password in it")
        for value in ("http://u@h/", "http://h:80/@x", "http://h/a:b@c", "a:b@c"):
            self.assertEqual(({"x": value}, []), publishable({"x": value}), value)

    def test_a_private_key_stays_here(self) -> None:
        """Likewise."""
        key = "-----BEGIN RSA PRIVATE KEY-----"
        self.assert_left_out("pem", f"{key} x", "has a private key in it")
        self.assertEqual(1, len(publishable({"pem": key.replace(" PRIVATE", "")})[0]))

    def test_secrets_are_published_where_that_is_wanted(self) -> None:
        """``docker.publish_secrets``; Consul's rules hold all the same."""
        for attributes in ({"api_key": "x"}, {"db": "postgres://u:pw@db/x"}):
            self.assertEqual((attributes, []), publishable(attributes, secrets=True))
        meta, notes = publishable({"a.token": "x"}, secrets=True)
        self.assertEqual(({}, 1), (meta, len(notes)))

    def test_what_looks_like_a_secret_stays_here(self) -> None:
        """Everyone can read the catalog."""
        for key in (
            "account_token",
            "password",
            "db_passwd",
            "client_secret",
            "aws_credentials",
            "key",
            "api_key",
            "apikey",
            "ssh-keys",
            "jwt",
            "pgpass",
            "dbpwd",
        ):
            self.assert_left_out(key, "hunter2", "a secret's")

    def test_notes_do_not_tell_values(self) -> None:
        """A log is no place for a secret either."""
        _, notes = publishable({"password": "hunter2"})
        self.assertNotIn("hunter2", notes[0])

    def test_words_that_only_end_like_one_are_published(self) -> None:
        """A monkey is no key."""
        words = ("monkey", "keyspace", "hockey_team", "compass", "bypass", "author")
        attributes = dict.fromkeys(words, "1")
        self.assertEqual((attributes, []), publishable(attributes))

    def test_room_is_kept_for_our_marks(self) -> None:
        """Consul takes 64 pairs in all; five are ours."""
        meta, notes = publishable({f"a{n:02}": "x" for n in range(63)})
        self.assertEqual(([f"a{n:02}" for n in range(59)], 4), (list(meta), len(notes)))
        self.assertIn("no more than 64", notes[0])
