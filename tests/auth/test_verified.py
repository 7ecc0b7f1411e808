"""Credentials that are remembered."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.auth.verified import (
    REMEMBERED_MAX,
    REMEMBERED_S,
    VerifiedCredentials,
)


class VerifiedCredentialsTests(SynchronousTestCase):
    """Who was right a moment ago."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.verified = VerifiedCredentials(b"k" * 32, self.clock.seconds)
        self.digest = self.verified.digest(b"secret", b"hash")

    def test_nobody_is_known_at_first(self) -> None:
        self.assertFalse(self.verified.knows("staff", b"ann", self.digest))

    def test_who_is_remembered_is_known(self) -> None:
        self.verified.remember("staff", b"ann", self.digest)
        self.assertTrue(self.verified.knows("staff", b"ann", self.digest))

    def test_for_a_while(self) -> None:
        self.verified.remember("staff", b"ann", self.digest)
        self.clock.advance(REMEMBERED_S)
        self.assertFalse(self.verified.knows("staff", b"ann", self.digest))

    def test_with_this_password_and_hash_alone(self) -> None:
        self.verified.remember("staff", b"ann", self.digest)
        for password, hashed in ((b"Secret", b"hash"), (b"secret", b"HASH")):
            digest = self.verified.digest(password, hashed)
            self.assertFalse(self.verified.knows("staff", b"ann", digest))

    def test_under_this_name_and_scheme_alone(self) -> None:
        self.verified.remember("staff", b"ann", self.digest)
        self.assertFalse(self.verified.knows("staff", b"bob", self.digest))
        self.assertFalse(self.verified.knows("other", b"ann", self.digest))

    def test_nothing_can_be_said_of_a_password_without_the_key(self) -> None:
        other = VerifiedCredentials(b"l" * 32, self.clock.seconds)
        self.assertNotEqual(self.digest, other.digest(b"secret", b"hash"))
        self.assertNotIn(b"secret", self.digest)

    def test_the_first_is_forgotten_when_there_are_too_many(self) -> None:
        for n in range(REMEMBERED_MAX + 1):
            self.verified.remember("staff", b"%d" % n, self.digest)
        self.assertEqual(REMEMBERED_MAX, len(self.verified))
        self.assertFalse(self.verified.knows("staff", b"0", self.digest))
        self.assertTrue(self.verified.knows("staff", b"1", self.digest))

    def test_a_user_is_remembered_once(self) -> None:
        later = self.verified.digest(b"new", b"hash")
        self.verified.remember("staff", b"ann", self.digest)
        self.verified.remember("staff", b"ann", later)
        self.assertEqual(1, len(self.verified))
        self.assertFalse(self.verified.knows("staff", b"ann", self.digest))
        self.assertTrue(self.verified.knows("staff", b"ann", later))
