"""Tests of twisted_router.routing.shares."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import NO_OPTIONS, Status, Target, TargetOptions, Weights
from twisted_router.routing.shares import shares

from .facts import an_instance


def a_target(
    passing: int = 1, warning: int = 1, ill: bool = False, tag: float | None = None
) -> Target:
    """A target with weights of Consul's, maybe one with a warning or a tag's weight."""
    status = Status.WARNING if ill else Status.PASSING
    instance = replace(an_instance(status=status), weights=Weights(passing, warning))
    return Target(instance, NO_OPTIONS if tag is None else TargetOptions(weight=tag))


class SharesTests(SynchronousTestCase):
    """Tags first, then Consul's weights."""

    def test_without_weights_everybody_has_one_turn(self) -> None:
        self.assertEqual([0, 0], shares([a_target(), a_target()]))

    def test_equal_weights_are_one_turn_each(self) -> None:
        self.assertEqual([0, 0], shares([a_target(5), a_target(5)]))

    def test_consuls_weights_are_proportions(self) -> None:
        self.assertEqual([10, 5], shares([a_target(10), a_target(5)]))

    def test_a_warning_has_a_weight_of_its_own(self) -> None:
        self.assertEqual([10, 2], shares([a_target(10, 2), a_target(10, 2, ill=True)]))

    def test_a_weight_of_zero_makes_a_spare(self) -> None:
        self.assertEqual([1, 0], shares([a_target(), a_target(1, 0, ill=True)]))

    def test_spares_alone_have_one_turn_each(self) -> None:
        spare = a_target(1, 0, ill=True)
        self.assertEqual([0, 0], shares([spare, spare]))

    def test_a_tags_weight_is_a_share_of_all(self) -> None:
        self.assertEqual([0.5, 0.25, 0.25], shares(
            [a_target(tag=0.5), a_target(), a_target()]
        ))  # fmt: skip

    def test_the_others_divide_the_rest_by_consuls_weights(self) -> None:
        self.assertEqual([0.25, 0.5, 0.25, 0], shares(
            [a_target(7, tag=0.25), a_target(2), a_target(1), a_target(1, 0, ill=True)]
        ))  # fmt: skip

    def test_a_tags_weight_counts_even_where_consuls_is_zero(self) -> None:
        self.assertEqual(
            [0.5, 0.5], shares([a_target(1, 0, ill=True, tag=0.5), a_target()])
        )

    def test_spares_beside_a_tags_weight_stay_spares(self) -> None:
        self.assertEqual(
            [0.5, 0], shares([a_target(tag=0.5), a_target(1, 0, ill=True)])
        )

    def test_where_nothing_is_left_the_others_keep_a_little(self) -> None:
        self.assertEqual([1, 0.0001], shares([a_target(tag=1.0), a_target()]))
