"""Tests of twisted_router.routing.state."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import Instance, Target, TargetOptions
from twisted_router.routing.state import Candidate, InstanceState, TlsTerms

from .facts import an_instance


class CandidateTests(SynchronousTestCase):
    """Targets in bytes."""

    def candidate(self, target: Target) -> Candidate:
        """The candidate of a target that nothing is known of."""
        return Candidate(target, InstanceState(target.instance), 0.0)

    def test_a_plain_target_changes_nothing(self) -> None:
        candidate = self.candidate(Target(an_instance(port=8080)))
        self.assertEqual(
            (b"10.0.0.1:8080", b"", b"", b"", "10.0.0.1", 8080),
            (
                candidate.authority,
                candidate.host,
                candidate.strip,
                candidate.prepend,
                candidate.address,
                candidate.port,
            ),
        )

    def test_options_become_bytes(self) -> None:
        candidate = self.candidate(
            Target(an_instance(), TargetOptions("/a", "/b", "Inner.example"))
        )
        self.assertEqual(
            (b"/a", b"/b", b"Inner.example"),
            (candidate.strip, candidate.prepend, candidate.host),
        )

    def test_dst_is_the_instance_itself(self) -> None:
        candidate = self.candidate(
            Target(an_instance(port=8080), TargetOptions(host="dst"))
        )
        self.assertEqual(b"10.0.0.1:8080", candidate.host)

    def test_ipv6_addresses_get_brackets(self) -> None:
        instance = Instance("web", "web-1", "fd00::1", 8080)
        self.assertEqual(b"[fd00::1]:8080", self.candidate(Target(instance)).authority)


class TlsTermsTests(SynchronousTestCase):
    """Whose certificate is asked for, and which connections are whose."""

    def terms(self, **options: Any) -> TlsTerms | None:
        target = Target(an_instance(), TargetOptions(https=True, **options))
        return Candidate(target, InstanceState(an_instance()), 0.0).tls

    def test_without_https_there_are_none(self) -> None:
        state = InstanceState(an_instance())
        candidate = Candidate(Target(an_instance()), state, 0.0)
        self.assertIdentical(None, candidate.tls)
        self.assertIdentical(state.idle, candidate.idle)

    def test_the_name_is_the_instances_address(self) -> None:
        for host in ("", "dst"):
            self.assertEqual(TlsTerms("10.0.0.1", True), self.terms(host=host))

    def test_or_the_host_that_is_sent_without_its_port(self) -> None:
        for host, name in (
            ("a.example", "a.example"),
            ("a.example:8443", "a.example"),
            ("[fd00::1]:8443", "fd00::1"),
        ):
            self.assertEqual(TlsTerms(name, True), self.terms(host=host))

    def test_it_need_not_be_verified(self) -> None:
        self.assertEqual(TlsTerms("10.0.0.1", False), self.terms(skip_verify=True))

    def test_connections_of_other_terms_are_kept_apart(self) -> None:
        state = InstanceState(an_instance())
        one, same, other, plain = (
            Candidate(Target(an_instance(), options), state, 0.0).idle
            for options in (
                TargetOptions(https=True),
                TargetOptions(https=True, strip="/x"),
                TargetOptions(https=True, skip_verify=True),
                TargetOptions(),
            )
        )
        self.assertIdentical(one, same)
        self.assertEqual(3, len({id(idle) for idle in (one, other, plain)}))


class InstanceStateTests(SynchronousTestCase):
    """What a state starts with."""

    def test_nothing_is_known_at_first(self) -> None:
        instance = an_instance()
        state = InstanceState(instance)
        self.assertEqual(
            (instance.identity, 0, 0, 0, 0.0, [], False),
            (
                state.identity,
                state.in_flight,
                state.requests,
                state.failures,
                state.failed_until_s,
                state.idle,
                state.retired,
            ),
        )

    def test_its_repr_says_where_it_is(self) -> None:
        self.assertEqual(
            "<InstanceState 10.0.0.1:8080 in_flight=0 failures=0 retired=False>",
            repr(InstanceState(an_instance())),
        )
