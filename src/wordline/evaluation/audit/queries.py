"""B1, B2, B3: attacks without gradients, on images that no gradient attack has broken."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ...attacks import AbstractAttack, HopSkipJump, RandomSearch, Square
from .audited_model import AttackResult
from .check import AbstractCheck, Finding, Skip, fail_if, percent
from .context import AuditContext
from .statistics import clopper_pearson_lower

ONLY_RANDOM = 0.005  # of all images; lower 95 % bounds (docs/evaluation.md)
ONLY_SQUARE = 0.01
ONLY_HARD_LABEL = 0.01
SQUARE_DROP = 0.002  # AutoAttack's own warning: github.com/fra31/auto-attack, flags_doc.md


@final
class RandomFindsNothing(AbstractCheck):
    """Raised if, with 95 % confidence, random images of the ball break more than 0.5 % of the
    images that no white-box attack breaks.
    Because random search must not beat an attack with gradients (Athalye et al. 2018, arXiv
    1802.00420, section 3.1; Carlini et al. 2019).
    """

    id = "B1"
    title = "random search finds no more"
    follows_gradients = False

    def run(self, context: AuditContext) -> Finding:
        draws, on = context.budget.random, context.robust_to_white_box()
        found = _query(context, RandomSearch(context.eps, draws=draws), on)
        return _only(context, on & ~found.robust, ONLY_RANDOM, f"{draws} random images each")


@final
class SquareFindsNothing(AbstractCheck):
    """Raised if, with 95 % confidence, Square breaks more than 1 % of the images that no white-box
    attack breaks; a warning if it breaks more than 0.2 %.
    Because a search that sees logits alone must not beat one that sees gradients (Andriushchenko et
    al. 2020, arXiv 1912.00049; Croce & Hein 2020).
    """

    id = "B2"
    title = "Square finds no more"
    follows_gradients = False

    def run(self, context: AuditContext) -> Finding:
        queries, on = context.budget.square, context.robust_to_white_box()
        found = _query(context, Square(context.eps, queries=queries), on)
        effort = f"{queries} queries of Square"
        return _only(context, on & ~found.robust, ONLY_SQUARE, effort, warn_above=SQUARE_DROP)


@final
class HardLabelFindsNothing(AbstractCheck):
    """Raised if, with 95 % confidence, HopSkipJump breaks more than 1 % of all images beyond the
    white-box attacks, judged by a sample of the images not yet broken.
    Because an attack that sees only labels must not beat one that sees all (Chen et al. 2020, arXiv
    1904.02144; Carlini et al. 2019).
    """

    id = "B3"
    title = "labels alone find no more"
    follows_gradients = False

    def run(self, context: AuditContext) -> Finding:
        remaining = context.robust_to_white_box()
        index = remaining.nonzero().squeeze(1)
        sample = torch.zeros_like(remaining)
        sample[index[: context.budget.hard_label]] = True
        asked = int(sample.sum())
        attack = HopSkipJump(context.eps, steps=context.budget.hop)
        count = int((sample & ~_query(context, attack, sample).robust).sum())
        share = len(index) / context.images  # of all images, which the sample represents
        bound = share * clopper_pearson_lower(count, asked)
        figures = {"asked": asked, "broken": count, "lower_bound": bound}
        text = f"HopSkipJump breaks {count} of {asked} surviving images."
        return fail_if(bound > ONLY_HARD_LABEL, figures, text)


def _query(context: AuditContext, attack: AbstractAttack, on: Tensor) -> AttackResult:
    """Run a query attack; on the frozen form of a stochastic chip, and scored on fresh draws."""
    chip = context.chip
    source = chip
    if chip.stochastic and not isinstance(attack, RandomSearch):
        frozen = context.frozen()
        if frozen is None:
            name = type(attack).__name__
            raise Skip(f"the chip is stochastic and has no `frozen(seed)`; {name} needs one answer")
        source = frozen
    try:
        return chip.attack_as_given(attack, on=on, stream="queries", source=source.model)
    except ImportError as error:
        raise Skip(str(error)) from error


def _only(
    context: AuditContext, broken: Tensor, threshold: float, effort: str, *, warn_above: float = 1.0
) -> Finding:
    count = int(broken.sum())
    share, bound = count / context.images, clopper_pearson_lower(count, context.images)
    figures = {"only": share, "lower_bound": bound}
    text = f"{effort}: {percent(share)} broken that no white-box attack breaks."
    return fail_if(bound > threshold, figures, text, warn=share > warn_above)
