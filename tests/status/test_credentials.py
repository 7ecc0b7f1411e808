"""Tests of twisted_router.status.credentials."""

from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.status import credentials
from twisted_router.status.credentials import Credentials


def basic(text: str, scheme: str = "Basic") -> list[bytes]:
    """The Authorization field for ``user:password``."""
    return [scheme.encode() + b" " + b64encode(text.encode())]


class CredentialsTests(SynchronousTestCase):
    """Who is let in."""

    def setUp(self) -> None:
        self.credentials = Credentials("admin", "s:cret:")

    def test_the_right_user_with_the_right_password(self) -> None:
        self.assertTrue(self.credentials.admit(basic("admin:s:cret:")))

    def test_the_scheme_is_known_in_any_case(self) -> None:
        self.assertTrue(self.credentials.admit(basic("admin:s:cret:", "bAsIc")))

    def test_names_outside_of_ascii_are_utf_8(self) -> None:
        self.assertTrue(Credentials("é", "日本").admit(basic("é:日本")))

    def test_no_one_else(self) -> None:
        refused = {
            "wrong password": basic("admin:s:cret"),
            "wrong user": basic("root:s:cret:"),
            "both wrong": basic("a:b"),
            "empty": basic(":"),
            "no colon": basic("admins:cret:"[:5]),
            "nothing": basic(""),
            "no field": [],
            "two fields": basic("admin:s:cret:") * 2,
            "other scheme": basic("admin:s:cret:", "Bearer"),
            "no token": [b"Basic"],
            "no base64": [b"Basic !!!!"],
            "cut base64": [basic("admin:s:cret:")[0][:-1]],
            "base64 with garbage between": [b"Basic YWRt\x00aW46czpjcmV0Og=="],
            "bytes that are no text": [b"Basic " + b64encode(b"\xff\xfe:\x00")],
        }
        admitted = [
            name for name, field in refused.items() if self.credentials.admit(field)
        ]
        self.assertEqual([], admitted)

    def test_a_huge_field_is_refused_undecoded(self) -> None:
        decoded: list[bytes] = []
        self.patch(credentials, "b64decode", lambda token, **_: decoded.append(token))
        self.assertFalse(self.credentials.admit(basic("x" * 100_000)))
        self.assertEqual([], decoded)

    def test_the_password_is_compared_even_if_the_user_is_wrong(self) -> None:
        compared: list[bytes] = []

        def compare(left: bytes, right: bytes) -> bool:
            compared.append(right)
            return left == right

        self.patch(credentials, "compare_digest", compare)
        self.credentials.admit(basic("root:x"))
        self.assertEqual([b"admin", b"s:cret:"], compared)

    def test_an_empty_password_still_wants_its_user(self) -> None:
        only_user = Credentials("admin", "")
        self.assertFalse(only_user.admit([]))
        self.assertFalse(only_user.admit(basic("root:")))
        self.assertTrue(only_user.admit(basic("admin:")))

    def test_without_user_and_password_everyone(self) -> None:
        self.assertTrue(Credentials("", "").admit([]))
        self.assertTrue(Credentials("", "").admit([b"Basic !!!"]))
