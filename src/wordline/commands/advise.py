"""The command `advise`: crossbars compared by accuracy, robustness and cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from ..progress import Bar
from .option_groups import Chip, ChipOptions, Comparison, ComparisonOptions
from .options import EPS, Number, require_files


@dataclass(frozen=True)
class ChoiceOptions:
    """The crossbars to compare and the attacks on them.

    Args:
        tile: rows and columns of square arrays; none keeps the crossbar's.
        r_on: ohm; the on/off ratio stays.
        adc_bits: 0 for an ideal ADC; ranges are set on training images.
        within: clean accuracy that may be lost against the network's own in software, a share.
        eps: Linf radius; 8/255 is a number here.
        steps: of each PGD, with the margin loss and with cross-entropy, white-box and crafted on
            software.
        seeds: one chip each.
    """

    tile: tuple[int, ...] = ()
    r_on: tuple[float, ...] = ()
    adc_bits: tuple[int, ...] = ()
    within: float = 0.02
    eps: Number = EPS
    steps: int = 20
    seeds: tuple[int, ...] = (0,)


def advise(
    comparison: Comparison = ComparisonOptions(),
    chip: Chip = ChipOptions(gain="least-squares"),
    choice: tyro.conf.OmitArgPrefixes[ChoiceOptions] = ChoiceOptions(),
    out: Path = Path("runs/advise.jsonl"),
    figure: str = "",
    json: bool = False,
) -> None:
    """Compare crossbars by accuracy, robustness and cost.

    The settings are changed on one crossbar. Finished cells are in `out` and are not computed
    again.

    Args:
        out: JSON lines, one a finished cell.
        figure: also draw it into this .png, .pdf or .svg.
    """
    require_files(("out", out), ("figure", figure))
    from ..reports import advice_figure
    from ..runs import advise as run_advise

    models, loaded = comparison.load()
    result = run_advise(
        models, base=chip.load(), data=loaded.test,
        calibration=loaded.train.take(comparison.calibration), out=out, tiles=choice.tile,
        r_on_ohm=choice.r_on, adc_bits=choice.adc_bits, within=choice.within, eps=choice.eps,
        steps=choice.steps, seeds=choice.seeds, limit=comparison.run.limit,
        batch_size=comparison.run.batch_size, progress=Bar(),
    )  # fmt: skip
    if figure:
        advice_figure(result, Path(figure))
    print(result.to_json() if json else result)
