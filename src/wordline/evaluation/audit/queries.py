"""B1, B2, B3: attacks that follow no gradient, on images that survived all that do."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ...attacks import AbstractAttack, HopSkipJump, RandomSearch, Square
from .bench import Bench
from .check import AbstractCheck, Finding, Skip, percent, raised_if
from .statistics import clopper_pearson_lower
from .subject import Attacked

ONLY_RANDOM = 0.005  # of all images; lower 95 % bounds (docs/evaluation.md)
ONLY_SQUARE = 0.01
ONLY_HARD_LABEL = 0.01
SQUARE_DROP = 0.002  # AutoAttack's own warning: Croce & Hein 2020, github.com/fra31/auto-attack, flags_doc.md


@final
class RandomFindsNothing(AbstractCheck):
    """Raised if, with 95 % confidence, random images of the ball break more than 0.5 % of the images that no
    white-box attack breaks.
    Because chance must not beat calculation (Athalye et al. 2018, arXiv 1802.00420, section 3.1; Carlini et al.
    2019).
    """

    id = "B1"
    title = "random search finds no more"
    follows_gradients = False

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        standing = bench.survivors()
        broken = standing & ~_ask(bench, RandomSearch(bench.eps, draws=bench.budget.random), standing).stands
        return _only(bench, broken, ONLY_RANDOM, f"{bench.budget.random} random images each")


@final
class SquareFindsNothing(AbstractCheck):
    """Raised if, with 95 % confidence, Square breaks more than 1 % of the images that no white-box attack breaks; a
    warning if it breaks more than 0.2 %.
    Because a search that sees logits alone must not beat one that sees gradients (Andriushchenko et al. 2020, arXiv
    1912.00049; Croce & Hein 2020).
    """

    id = "B2"
    title = "Square finds no more"
    follows_gradients = False

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        standing = bench.survivors()
        broken = standing & ~_ask(bench, Square(bench.eps, queries=bench.budget.square), standing).stands
        return _only(bench, broken, ONLY_SQUARE, f"{bench.budget.square} queries of Square", warn_above=SQUARE_DROP)


@final
class HardLabelFindsNothing(AbstractCheck):
    """Raised if, with 95 % confidence, HopSkipJump breaks more than 1 % of all images beyond the white-box attacks,
    judged by a sample of the images still standing.
    Because whoever sees nothing but labels must not beat whoever sees all (Chen et al. 2020, arXiv 1904.02144;
    Carlini et al. 2019).
    """

    id = "B3"
    title = "labels alone find no more"
    follows_gradients = False

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        standing = bench.survivors()
        places = standing.nonzero().squeeze(1)
        sample = torch.zeros_like(standing)
        sample[places[: bench.budget.hard_label]] = True
        asked = int(sample.sum())
        attack = HopSkipJump(bench.eps, steps=bench.budget.hop)
        count = int((sample & ~_ask(bench, attack, sample).stands).sum())
        share = len(places) / bench.images  # of all images, for which the sample stands
        bound = share * clopper_pearson_lower(count, asked)
        figures = {"asked": asked, "broken": count, "lower_bound": bound}
        return raised_if(bound > ONLY_HARD_LABEL, figures, f"HopSkipJump breaks {count} of {asked} surviving images.")


def _ask(bench: Bench, attack: AbstractAttack, on: Tensor) -> Attacked:
    """A query attack on the chip; of a stochastic one on its frozen form, and scored on fresh draws."""
    chip = bench.chip
    source = chip
    if chip.stochastic and not isinstance(attack, RandomSearch):
        frozen = bench.frozen()
        if frozen is None:
            raise Skip(f"the chip is stochastic and has no `frozen(seed)`; {type(attack).__name__} needs one answer")
        source = frozen
    try:
        return chip.attack_as_given(attack, on=on, stream="queries", source=source.model)
    except ImportError as error:
        raise Skip(str(error)) from error


def _only(bench: Bench, broken: Tensor, threshold: float, effort: str, *, warn_above: float = 1.0) -> Finding:
    count = int(broken.sum())
    share, bound = count / bench.images, clopper_pearson_lower(count, bench.images)
    figures = {"only": share, "lower_bound": bound}
    text = f"{effort}: {percent(share)} broken that no white-box attack breaks."
    return raised_if(bound > threshold, figures, text, warn=share > warn_above)
