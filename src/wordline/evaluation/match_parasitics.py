"""Parasitics of a crossbar that leave a network a given clean accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean

from torch import nn

from ..datasets import Pairs, as_split
from ..mapping import Crossbar
from ..models import accuracy
from ..nn import map_model
from ..records import ParasiticsMatch
from ..values import require_instance, require_integer, require_number, takes_numbers
from .requirements import require_evaluation_mode, require_fit


@takes_numbers
def match_parasitics(
    *,
    software: nn.Module,
    crossbar: Crossbar,
    data: Pairs,
    target: float,
    factors: tuple[float, float] = (1e-3, 1.0),
    tolerance: float = 0.05,
    seeds: Sequence[int] = (0,),
    batch_size: int = 100,
) -> ParasiticsMatch:
    """Search the factor k of a crossbar's parasitics at which chips keep a clean accuracy.

    Bisection in log k between both `factors`, until they are apart by a ratio of at most
    1 + `tolerance`; accuracy is the mean over the chips of `seeds`, on all of `data`. Every factor
    is tried on the same chips, that is with the same random numbers, so that variation does not
    blur the comparison. Accuracy still is a step function that falls only roughly with k. Whatever
    it does, the target was met at the factor returned and missed at `too_large` next to it; where
    it does not fall steadily there may be others, and the result's `monotone` is False.

    `target` is a share of one, `data` must be images on which nothing is measured afterwards: pass
    training images that the network was not trained on, if there are any. Images that it was
    trained on are answered more firmly than others, and match larger parasitics.

    Raises ValueError where software is below the target, where it is missed at the smallest factor
    or met at the largest, and for a crossbar without parasitics.
    """
    require_evaluation_mode("software", software)
    require_instance("crossbar", crossbar, Crossbar)
    require_number("target", target, above=0.0)
    require_number("tolerance", tolerance, above=0.0)
    if not isinstance(factors, Sequence) or len(factors) != 2:
        raise TypeError(f"`factors` must be a pair such as (0.001, 1.0), got {factors!r}")
    low, high = factors
    require_number("factors", low, above=0.0)
    require_number("factors", high, above=low)
    require_integer("batch_size", batch_size, at_least=1)
    if not isinstance(seeds, Sequence) or not seeds:
        raise ValueError(f"`seeds` must name at least one chip, such as (0, 1), got {seeds!r}")
    for seed in seeds:
        require_integer("seeds", seed, at_least=0)
    if crossbar.wires.ideal:
        raise ValueError("`crossbar` has no parasitics, so that no factor changes anything")
    split = as_split(data)
    require_fit("software", software, split)
    own = accuracy(software, split, batch_size=batch_size)
    if own < target:
        raise ValueError(
            f"`target` is {target:.4g}, more than software itself has on these images, {own:.4g}; "
            "ask for less, or give a better network"
        )

    def mean_accuracy(factor: float) -> float:
        scaled = replace(crossbar, wires=crossbar.wires.scaled(factor))
        chips = (map_model(software, scaled, seed, keep_conductances=False) for seed in seeds)
        return fmean(accuracy(chip, split, batch_size=batch_size) for chip in chips)

    tried = bisect(mean_accuracy, target, (low, high), tolerance)
    met = [pair for pair in tried if pair[1] >= target]
    factor, found = max(met)
    return ParasiticsMatch(
        factor=factor, too_large=min(k for k, value in tried if value < target), accuracy=found,
        target=target, software=own, tried=tried, images=len(split),
        fingerprint=split.fingerprint(), seeds=tuple(seeds),
    )  # fmt: skip


def bisect(
    measure: Callable[[float], float], target: float, factors: tuple[float, float], tolerance: float
) -> tuple[tuple[float, float], ...]:
    """Return all (factor, value) of a bisection for the largest factor with value >= `target`.

    The middle of an interval is the geometric mean of its ends.

    >>> found = bisect(lambda k: 1 - k, 0.8, (0.01, 1.0), 0.01)
    >>> round(max(k for k, value in found if value >= 0.8), 2), len(found)
    (0.2, 11)
    """
    low, high = factors
    at_low = measure(low)
    if at_low < target:
        raise ValueError(
            f"`target` {target:.4g} is missed at the smallest of `factors`, x {low:.4g}, with "
            f"{at_low:.4g}: lower it, or ask whether variation or converters cost more than wires"
        )
    at_high = measure(high)
    if at_high >= target:
        raise ValueError(
            f"`target` {target:.4g} is met at the largest of `factors`, x {high:.4g}, with "
            f"{at_high:.4g}: raise it"
        )
    tried = [(low, at_low), (high, at_high)]
    while high > low * (1 + tolerance):
        middle = math.sqrt(low * high)
        value = measure(middle)
        tried.append((middle, value))
        low, high = (middle, high) if value >= target else (low, middle)
    return tuple(tried)
