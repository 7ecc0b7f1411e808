"""What part of a route's requests each of its targets gets."""

from __future__ import annotations

from collections.abc import Sequence

from ..model import Instance, Status, Target

# fabio divides a route into 10,000 slots, and gives each target one at least.
_LEAST = 0.0001


def shares(targets: Sequence[Target]) -> list[float]:
    """The share of each target, before scaling; all 0 for one turn each.

    A tag's weight is the share of its instance, as in fabio. The others divide the rest
    in proportion to Consul's weights for their health, which are all 1 unless set.

    Among others that have a share, 0 makes a spare: asked when nobody else can be. It
    comes of a weight of 0 in Consul: there it can only be that of the status warning,
    and keeps an instance in the answer for those who have no better one.
    """
    fixed = [target.options.weight for target in targets]
    parts = [_consul_weight(target.instance) for target in targets]
    taken = sum(weight or 0.0 for weight in fixed)
    if not taken:
        alike = len(set(parts)) <= 1
        return [0.0 if alike else float(part) for part in parts]
    rest = max(1.0 - taken, 0.0)
    whole = sum(
        part for part, weight in zip(parts, fixed, strict=True) if weight is None
    )
    return [
        weight or (max(rest * part / whole, _LEAST) if part else 0.0)
        for part, weight in zip(parts, fixed, strict=True)
    ]


def _consul_weight(instance: Instance) -> int:
    weights = instance.weights
    return weights.warning if instance.status == Status.WARNING else weights.passing
