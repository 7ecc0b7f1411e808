"""Tests of benchmarks.pages: the tables in the pages are those of the results."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.kept import read_json
from benchmarks.pages import pages
from benchmarks.picture import draw

_RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


class PagesTests(SynchronousTestCase):
    """``python -m benchmarks --report`` writes all of it anew."""

    def test_the_tables_are_those_of_the_kept_results(self) -> None:
        for path, text in pages(read_json(_RESULTS)):
            self.assertEqual(text, path.read_text("utf-8"), path)

    def test_the_picture_is_that_of_the_kept_results(self) -> None:
        self.assertEqual(
            draw(read_json(_RESULTS)), (_RESULTS / "benchmarks.svg").read_text("utf-8")
        )
