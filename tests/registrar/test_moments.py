"""Tests for ``twisted_router.registrar.moments``."""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.moments import moment_of, read_moment

MOMENT = datetime(2026, 1, 1, 0, 0, 0, 123456, UTC)


class MomentTests(SynchronousTestCase):
    """One moment is one value, however it was written."""

    def test_text(self) -> None:
        """With as many digits as Go leaves, in any zone."""
        for text in (
            "2026-01-01T00:00:00.123456789Z",
            "2026-01-01T01:00:00.123456+01:00",
        ):
            self.assertEqual(MOMENT, read_moment(text), text)
        self.assertEqual(
            MOMENT.replace(microsecond=200_000), read_moment("2026-01-01T00:00:00.2Z")
        )

    def test_what_we_write(self) -> None:
        """It is read back."""
        self.assertEqual(MOMENT, read_moment(MOMENT.isoformat()))

    def test_never(self) -> None:
        """Go's zero comes before all else."""
        never = read_moment("0001-01-01T00:00:00Z")
        self.assertTrue(never is not None and never < MOMENT)

    def test_nanoseconds(self) -> None:
        """As events have them; no digit is lost to floating point."""
        self.assertEqual(MOMENT, moment_of(1_767_225_600_123_456_789))
        self.assertEqual(
            MOMENT.replace(microsecond=0), moment_of(1_767_225_600 * 10**9)
        )

    def test_what_is_no_moment(self) -> None:
        """It is nothing; without a zone it could not be compared."""
        for text in ("", "yesterday", "2026-01-01T00:00:00"):
            self.assertIsNone(read_moment(text), text)
        for value in (None, "1", 1.5, 10**40):
            self.assertIsNone(moment_of(value), value)
