"""The command `quanos`: noise sensitivity layer by layer, the bits that follow, and their cost."""

from __future__ import annotations

from dataclasses import dataclass
from json import dumps, loads

import tyro

from ..progress import Bar
from ..values import require_integer
from .option_groups import Data, DataOptions, Network, NetworkOptions, Run, RunOptions
from .options import EPS, Number, require_eps


@dataclass(frozen=True)
class PrecisionOptions:
    """The rule for bits.

    Args:
        mean_bits: budget of the rule: the largest mean over layers.
        choices: bits that a layer may get, increasing.
        ends: bits of the first and of the last layer, outside the budget; 0 treats them as the
            others.
        activations: also round the inputs of each layer, to the bits of its weights.
        calibration: training images on which ANS and ranges of activations are measured.
    """

    mean_bits: Number = 5.0
    choices: tuple[int, ...] = (2, 4, 6, 8)
    ends: int = 8
    activations: bool = True
    calibration: int = 500


def quanos(
    network: Network = NetworkOptions(),
    data: Data = DataOptions(),
    run: Run = RunOptions(),
    precision: tyro.conf.OmitArgPrefixes[PrecisionOptions] = PrecisionOptions(),
    eps: Number = EPS,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Choose bits layer by layer from noise sensitivity.

    Prints the ANS of every layer, the bits that follow from it, and accuracy before and after
    quantisation, without retraining.

    Args:
        eps: of the FGSM with which ANS is measured, and of the one with which both networks are
            attacked, each white-box.
    """
    require_integer("calibration", precision.calibration, at_least=1)
    require_eps(eps)
    from ..attacks import FGSM
    from ..evaluation import evaluate
    from ..evaluation.requirements import require_fit
    from ..quantisation import BitRule
    from ..quantisation import quanos as measure_and_quantise
    from ..records.record import fraction, table

    run.apply()
    software, images = network.load(), data.load()
    attack, bar, size = FGSM(eps=eps), Bar(), run.batch_size
    require_fit("model", software, images.train)
    small, assignment = measure_and_quantise(
        software, images.train, attack=attack, activations=precision.activations,
        rule=BitRule(precision.choices, precision.mean_bits, precision.ends),
        limit=precision.calibration, seed=seed, batch_size=size, progress=bar,
    )  # fmt: skip
    before, after = (
        evaluate(
            victim=network, source=network, attack=attack, data=images.test, limit=run.limit,
            batch_size=size, seed=seed, progress=bar,
        )
        for network in (software, small)
    )  # fmt: skip
    if json:
        values = {"assignment": assignment, "before": before, "after": after}
        print(dumps({name: loads(value.to_json()) for name, value in values.items()}))
        return
    print(assignment)
    images_measured = assignment.sensitivity.images
    ans = f"ANS under FGSM {fraction(eps)} on {images_measured} training images"
    print(f"\nmean {assignment.mean:.2f} bits; {ans}\n")
    title = "as it was, then quantised; white-box, straight-through; 95 % intervals"
    print(table([before, after], title=title))
