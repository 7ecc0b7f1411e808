"""Password files: who is in them, and which lines let nobody in."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.auth.htpasswd import PasswordFile, hash_cost, parse_htpasswd

#: Of "secret", made by htpasswd -nbB -C 4.
HASH = b"$2y$04$" + b"a" * 53


def parse(data: bytes) -> PasswordFile:
    return parse_htpasswd(data, "f")


class UsersTests(SynchronousTestCase):
    """What is accepted."""

    def test_each_line_is_a_user_with_a_hash(self) -> None:
        other = b"$2b$12$" + b"./AZaz09" + b"b" * 45
        self.assertEqual(
            PasswordFile({b"ann": HASH, b"b\xc3\xb6b": other}),
            parse(b"ann:" + HASH + b"\nb\xc3\xb6b:" + other + b"\n"),
        )

    def test_blank_lines_comments_and_other_line_ends_do_not_matter(self) -> None:
        self.assertEqual(
            PasswordFile({b"ann": HASH}),
            parse(b"\r\n# bob:x\r\n \t\nann:" + HASH + b"\r\n"),
        )

    def test_what_follows_a_second_colon_does_not_count(self) -> None:
        self.assertEqual(
            PasswordFile({b"ann": HASH}), parse(b"ann:" + HASH + b":Ann of Sales")
        )

    def test_an_empty_file_has_nobody(self) -> None:
        self.assertEqual(PasswordFile({}), parse(b""))

    def test_the_cost_is_in_the_hash(self) -> None:
        self.assertEqual(4, hash_cost(HASH))


class RefusalTests(SynchronousTestCase):
    """What is refused, with its line and a reason, and without the hash."""

    def test_other_hashes_are_refused_by_name(self) -> None:
        for hashed, kind in (
            (b"{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "SHA-1"),
            (b"$apr1$salt$hash", "MD5"),
            (b"$1$salt$hash", "MD5"),
            (b"$5$salt$hash", "SHA-256"),
            (b"$6$salt$hash", "SHA-512"),
            (b"$2y$10$short", "a damaged bcrypt hash"),
            (b"$2x$10$" + b"a" * 53, "a damaged bcrypt hash"),
            (b"rqXexS6ZhobKA", "a password in plain text or by crypt(3)"),
            (b"", "a password in plain text or by crypt(3)"),
        ):
            self.assertEqual(
                PasswordFile(
                    {},
                    (
                        f"f:1: 'ann': {kind} is not accepted: "
                        "make a bcrypt hash with htpasswd -B",
                    ),
                ),
                parse(b"ann:" + hashed),
            )

    def test_a_cost_that_takes_minutes_is_refused(self) -> None:
        for cost in (b"16", b"31", b"03", b"00"):
            said = parse(b"ann:$2y$" + cost + b"$" + b"a" * 53)
            self.assertEqual({}, said.hashes)
            self.assertIn(f"cost of {int(cost)} is not accepted", said.refused[0])

    def test_of_two_lines_for_a_user_the_first_counts(self) -> None:
        other = b"$2y$04$" + b"b" * 53
        self.assertEqual(
            PasswordFile({b"ann": HASH}, ("f:2: 'ann': the user is there already",)),
            parse(b"ann:" + HASH + b"\nann:" + other),
        )

    def test_a_line_without_user_or_hash_is_refused(self) -> None:
        self.assertEqual(
            PasswordFile({}, ("f:1: ?: write user:hash", "f:3: '': write user:hash")),
            parse(b"hunter2\n\n:" + HASH),
        )

    def test_the_other_lines_hold(self) -> None:
        said = parse(b"\xff\xfe\nbob:{SHA}x\nann:" + HASH + b"\n\x00:\x00")
        self.assertEqual({b"ann": HASH}, said.hashes)
        self.assertEqual(3, len(said.refused))

    def test_long_names_are_cut(self) -> None:
        (line,) = parse(b"u" * 10_000 + b":x").refused
        self.assertLess(len(line), 200)
