"""`quanos`: adversarial noise sensitivity layer by layer, the bits that follow, and what they cost."""

from __future__ import annotations

from json import dumps, loads

import torch

from ..attacks import FGSM
from ..evaluation import evaluate
from ..evaluation.requirements import require_fit
from ..progress import Bar
from ..quantisation import BitRule
from ..quantisation import quanos as measure_and_quantise
from ..records.record import fraction, table
from ..values import require_integer
from .options import EPS, Number, data_of, require_eps, software_of


def quanos(
    model: str = "digits-cnn",
    data: str = "digits",
    root: str = "",
    weights: str = "",
    eps: Number = EPS,
    mean_bits: Number = 5.0,
    choices: tuple[int, ...] = (2, 4, 6, 8),
    ends: int = 8,
    activations: bool = True,
    limit: int = 500,
    calibration: int = 500,
    batch_size: int = 100,
    threads: int = 0,
    seed: int = 0,
    json: bool = False,
) -> None:
    """ANS of every layer, the bits that follow from it, and accuracy before and after quantisation, without retraining.

    Args:
        weights: weight file for a factory.
        eps: of the FGSM that ANS is measured with, and of the one that both networks are attacked with, each white-box.
        mean_bits: budget of the rule: the largest mean over layers.
        choices: bits that a layer may get, increasing.
        ends: bits of the first and of the last layer, outside the budget; 0 treats them as the others.
        activations: also round what each layer is given, to the bits of its weights.
        limit: the first so many test images, which both networks are judged by; 0 takes all.
        calibration: training images that ANS and ranges of activations are measured on.
        threads: 0 leaves torch's choice; part of a result's conditions.
    """
    for name, value, least in (("limit", limit, 0), ("threads", threads, 0), ("calibration", calibration, 1)):
        require_integer(name, value, at_least=least)
    require_eps(eps)
    if threads:
        torch.set_num_threads(threads)
    software, images = software_of(model, weights), data_of(data, root)
    attack, bar = FGSM(eps=eps), Bar()
    require_fit("model", software, images.train)
    small, assignment = measure_and_quantise(
        software, images.train, attack=attack, rule=BitRule(choices, mean_bits, ends), activations=activations,
        limit=calibration, seed=seed, batch_size=batch_size, progress=bar,
    )  # fmt: skip
    before, after = (
        evaluate(
            victim=network, source=network, attack=attack, data=images.test, limit=limit, batch_size=batch_size,
            seed=seed, progress=bar,
        )
        for network in (software, small)
    )  # fmt: skip
    if json:
        values = {"assignment": assignment, "before": before, "after": after}
        print(dumps({name: loads(value.to_json()) for name, value in values.items()}))
        return
    print(assignment)
    felt = f"ANS under FGSM {fraction(eps)} on {assignment.sensitivity.images} training images"
    print(f"\nmean {assignment.mean:.2f} bits; {felt}\n")
    print(table([before, after], title="as it was, then quantised; white-box, straight-through; 95 % intervals"))
