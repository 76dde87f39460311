"""How accurate a network is when it is attacked: one call, one record."""

from __future__ import annotations

from torch import nn

from ..attacks import AbstractAttack
from ..datasets import Pairs, as_split
from ..progress import AbstractProgress
from ..records.record import Record
from ..values import require_instance, require_integer, takes_numbers
from .account import account, same_answers
from .craft import craft
from .party import party, require_evaluation_mode, require_fit
from .score import Conditions, score


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
    """Craft adversarial images on `source`, show them to `victim`, and record CA, AA, AL and ASR with intervals.

    victim = source = software is the attack in software (SW); victim a chip and source the software network is the
    transfer attack SH; victim = source = chip is the white-box attack HH. The first `limit` images are used, the same
    for everyone; 0 means all. `data` is an `ImageSplit` or any map-style data set of (image, label) pairs (see
    `datasets.as_split`): images floating point in [0, 1] or uint8; pixels off by rounding are clipped, and the record's
    `flags` say so. `draws` > 1 asks a stochastic victim that often. Where the
    victim is not the source, the attack is run to its end (`for_transfer`), and the record says so.

    A chip is probed with one image first: the record's `products` say which share of the multiply-accumulates arrays
    compute, and which products are digital.

    Raises ValueError for a network in training mode, a chip whose arrays have no part in its answers, or images
    outside [0, 1], TypeError for wrong kinds of argument.
    """
    require_evaluation_mode("victim", victim)
    require_evaluation_mode("source", source)
    require_instance("attack", attack, AbstractAttack)
    for key, value, least in (
        ("limit", limit, 0),
        ("batch_size", batch_size, 1),
        ("draws", draws, 1),
        ("seed", seed, 0),
    ):
        require_integer(key, value, at_least=least)
    split = as_split(data, limit=limit)
    require_fit("victim", victim, split)
    products = account("victim", victim, split)
    if source is not victim:
        account("source", source, split)
    flags = same_answers(victim, source, split)
    attack = attack if victim is source else attack.for_transfer()
    adversarial = craft(source, attack, split, seed=seed, batch_size=batch_size, progress=progress)
    conditions = Conditions(seed, draws, batch_size)
    return score(victim, party(source), attack, split, adversarial, conditions, products=products, flags=flags)
