"""The fields of Basic authentication."""

from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.auth.basic import challenge, read_basic


def basic(credentials: bytes) -> bytes:
    return b"Basic " + b64encode(credentials)


class ReadingTests(SynchronousTestCase):
    """What a client says of itself."""

    def test_user_and_password(self) -> None:
        self.assertEqual((b"ann", b"secret"), read_basic(basic(b"ann:secret")))

    def test_the_first_colon_ends_the_user(self) -> None:
        self.assertEqual((b"ann", b"a:b:"), read_basic(basic(b"ann:a:b:")))

    def test_both_are_taken_byte_for_byte(self) -> None:
        self.assertEqual(
            ("jörg".encode(), b"\xff \x80"), read_basic(basic(b"j\xc3\xb6rg:\xff \x80"))
        )

    def test_the_name_of_the_scheme_has_no_case(self) -> None:
        self.assertEqual((b"a", b"b"), read_basic(b"bAsIC   YTpi"))

    def test_an_empty_password_is_one(self) -> None:
        self.assertEqual((b"ann", b""), read_basic(basic(b"ann:")))

    def test_anything_else_is_nobody(self) -> None:
        for value in (
            b"",
            b"Basic",
            b"Basic ",
            b"Bearer YTpi",
            b"BasicYTpi",
            b"Basic YTpi YTpi",
            b"Basic YTpi,Basic YTpi",
            b"Basic YTp",
            b"Basic YTpi=",
            b"Basic YT-_",
            basic(b"no colon"),
            basic(b"a\x00:b"),
            basic(b"a:b\x00c"),
            basic(b"a:b\n"),
            basic(b"a:\x7f"),
            basic(b"a:" + b"b" * 4096),
        ):
            self.assertIdentical(None, read_basic(value), value)


class ChallengeTests(SynchronousTestCase):
    """What the router asks for."""

    def test_it_names_the_realm_and_the_charset(self) -> None:
        self.assertEqual(
            b'Basic realm="The staff", charset="UTF-8"', challenge("The staff")
        )

    def test_quotes_stay_inside(self) -> None:
        self.assertEqual(
            rb'Basic realm="a\"b\\c", charset="UTF-8"', challenge('a"b\\c')
        )
