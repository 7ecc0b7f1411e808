"""Tests of twisted_router.routing.state."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import Instance, Target, TargetOptions
from twisted_router.routing.state import Candidate, InstanceState

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
