"""Tests of twisted_router.config.document and of the file it makes."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config import (
    Config,
    ConsulConfig,
    DockerConfig,
    StaticRoute,
    load_config_file,
)
from twisted_router.config.document import annotated_yaml
from twisted_router.config.keys import section_keys
from twisted_router.config.schema import AuthScheme

from .loading import load

_SHIPPED = Path(__file__).parents[2] / "etc" / "router.yml"


class ShippedFileTests(SynchronousTestCase):
    """``etc/router.yml`` shows what the code does."""

    def test_it_is_what_the_schema_says(self) -> None:
        self.assertEqual(
            annotated_yaml(),
            _SHIPPED.read_text("utf-8"),
            "run: python -m twisted_router.config.document > etc/router.yml",
        )

    def test_it_loads_without_a_warning_and_changes_no_default(self) -> None:
        loaded = load_config_file(str(_SHIPPED), {})
        self.assertEqual((), loaded.warnings)
        self.assertEqual(Config(consul=ConsulConfig()), loaded.config)


class AnnotatedYamlTests(SynchronousTestCase):
    """Every key with its default, and its comment above it."""

    def test_what_is_commented_out_loads_too(self) -> None:
        text = re.sub(r"^#(?=\S|  )", "", annotated_yaml(), flags=re.MULTILINE)
        route = StaticRoute(uri="legacy.example.com/old", instances=("10.0.0.5:8080",))
        expected = Config(
            consul=ConsulConfig(),
            docker=DockerConfig(),
            routes=(route,),
            auth=(("staff", AuthScheme(file="/etc/router/staff.htpasswd")),),
        )
        self.assertEqual(expected, load(text).config)
        self.assertEqual((), load(text).warnings)

    def test_every_key_stands_under_its_comment(self) -> None:
        lines = annotated_yaml().splitlines()
        for section in (Config, ConsulConfig, DockerConfig, StaticRoute, AuthScheme):
            for key in section_keys(section):
                above = [
                    lines[number - 1].lstrip("# ")
                    for number, line in enumerate(lines)
                    if re.match(rf"[# -]*{key.name}:", line)
                ]
                self.assertIn(key.metadata["doc"], above, key.name)

    def test_lines_fit_a_terminal(self) -> None:
        longest = max(annotated_yaml().splitlines(), key=len)
        self.assertLessEqual(len(longest), 88, longest)
