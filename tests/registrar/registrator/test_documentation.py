"""docs/registrator.rst answers for everything that registrator has."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config.keys import section_keys
from twisted_router.config.schema import DockerConfig

_PAGE = Path(__file__).parents[3] / "docs" / "registrator.rst"
_README = Path(__file__).parents[3] / "README.rst"

#: All that its usage text names, but for ``-version``.
FLAGS = (
    "-cleanup",
    "-deregister",
    "-explicit",
    "-internal",
    "-ip",
    "-resync",
    "-retry-attempts",
    "-retry-interval",
    "-tags",
    "-ttl",
    "-ttl-refresh",
    "-useIpFromLabel",
)

#: Its adapters, and the environment that it reads.
SURROUNDINGS = (
    "consul://",
    "consul-tls://",
    "consul-unix://",
    "consulkv://",
    "etcd://",
    "skydns2://",
    "zookeeper://",
    "CONSUL_HTTP_ADDR",
    "DOCKER_HOST",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
)

#: Each may also be for one port.
VARIABLES = (
    "SERVICE_NAME",
    "SERVICE_ID",
    "SERVICE_TAGS",
    "SERVICE_IGNORE",
    "SERVICE_<anything>",
    "SERVICE_CHECK_HTTP",
    "SERVICE_CHECK_HTTP_METHOD",
    "SERVICE_CHECK_HTTPS",
    "SERVICE_CHECK_HTTPS_METHOD",
    "SERVICE_CHECK_TCP",
    "SERVICE_CHECK_GRPC",
    "SERVICE_CHECK_GRPC_USE_TLS",
    "SERVICE_CHECK_TLS_SKIP_VERIFY",
    "SERVICE_CHECK_SCRIPT",
    "SERVICE_CHECK_CMD",
    "SERVICE_CHECK_TTL",
    "SERVICE_CHECK_INTERVAL",
    "SERVICE_CHECK_TIMEOUT",
    "SERVICE_CHECK_INITIAL_STATUS",
    "SERVICE_CHECK_DEREGISTER_AFTER",
)

PAINS = 12

_VERDICT = re.compile(
    r"^``([^`]+)`` +(same|better|not supported)(?: {2,}(\S.*))?$", re.M
)
_PAIN = re.compile(
    r"^([0-9]+)\. \*[^*]+\*:\s+(?:same|better|not\s+supported)\.\s+\S", re.M
)
_KEY = re.compile(r"^``([a-z_]+)`` {2,}(\S.*)$", re.M)


class DocumentationTests(SynchronousTestCase):
    """Each flag, variable, pain and key has its row."""

    def setUp(self) -> None:
        self.page = _PAGE.read_text("utf-8")

    def part(self, title: str) -> str:
        """The text under a title, up to the next one."""
        start = self.page.index(f"\n{title}\n---") + len(title)
        end = self.page.find("\n---", start + 10)
        return self.page[start:] if end < 0 else self.page[start:end]

    def test_every_flag_and_variable_has_a_verdict(self) -> None:
        """Those of the lists above, and no others."""
        rows = [row[1] for row in _VERDICT.finditer(self.page)]
        self.assertEqual(sorted((*FLAGS, *SURROUNDINGS, *VARIABLES)), sorted(rows))

    def test_what_is_not_the_same_is_explained(self) -> None:
        """How it is better, or why it is not there."""
        silent = [
            row[1]
            for row in _VERDICT.finditer(self.page)
            if row[2] != "same" and not row[3]
        ]
        self.assertEqual([], silent)

    def test_every_pain_has_its_verdict(self) -> None:
        """And says what is done about it."""
        found = [int(pain[1]) for pain in _PAIN.finditer(self.part("The twelve pains"))]
        self.assertEqual(list(range(1, PAINS + 1)), found)

    def test_every_key_is_there(self) -> None:
        """In the order of etc/router.yml, for the most part; each once."""
        rows = [
            row[1]
            for row in _KEY.finditer(self.part("All keys of the ``docker`` section"))
        ]
        keys = [key.name for key in section_keys(DockerConfig)]
        self.assertEqual(sorted(keys), sorted(rows))

    def test_readme_leads_there(self) -> None:
        self.assertIn("docs/registrator.rst", _README.read_text("utf-8"))
