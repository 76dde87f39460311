"""Accuracy of a network under attack: one call, one record."""

from __future__ import annotations

from torch import nn

from ..attacks import AbstractAttack
from ..datasets import Pairs, as_split
from ..progress import AbstractProgress
from ..records import Record
from ..values import require_instance, require_integer, takes_numbers
from .account import account, same_answers
from .craft import craft
from .identify import identify
from .requirements import require_evaluation_mode, require_fit
from .score import ScoreSettings, score


@takes_numbers
def evaluate(
    *,
    victim: nn.Module,
    source: nn.Module,
    attack: AbstractAttack,
    data: Pairs,
    limit: int = 0,
    batch_size: int = 100,
    seed: int = 0,
    draws: int = 1,
    progress: AbstractProgress | None = None,
) -> Record:
    """Craft adversarial images on `source`, show them to `victim`, and record CA, AA, AL and ASR.

    victim = source = software is the attack in software (SW); victim a chip and source the software
    network is the transfer attack SH; victim = source = chip is the white-box attack HH. The first
    `limit` images are used, the same for every network; 0 means all. `data` is an `ImageSplit` or
    any map-style data set of (image, label) pairs (see `datasets.as_split`): images floating point
    in [0, 1] or uint8; pixels off by rounding are clipped, and the record's `flags` say so. `draws`
    > 1 evaluates a stochastic victim that often. Where the victim is not the source, the attack is
    run to its end (`for_transfer`), and the record says so.

    A chip is probed with one image first: the record's `products` hold the share of the
    multiply-accumulates that arrays compute, and the products that are digital.

    Raises ValueError for a network in training mode, a chip whose arrays have no part in its
    answers, or images outside [0, 1], TypeError for wrong kinds of argument.
    """
    require_evaluation_mode("victim", victim)
    require_evaluation_mode("source", source)
    require_instance("attack", attack, AbstractAttack)
    require_integer("limit", limit, at_least=0)
    require_integer("batch_size", batch_size, at_least=1)
    require_integer("draws", draws, at_least=1)
    require_integer("seed", seed, at_least=0)
    split = as_split(data, limit=limit)
    require_fit("victim", victim, split)
    products = account("victim", victim, split)
    if source is not victim:
        account("source", source, split)
        attack = attack.for_transfer()
    flags = same_answers(victim, source, split)
    adversarial = craft(source, attack, split, seed=seed, batch_size=batch_size, progress=progress)
    settings = ScoreSettings(seed, draws, batch_size)
    return score(
        victim, identify(source), attack, split, adversarial, settings,
        products=products, flags=flags,
    )  # fmt: skip
