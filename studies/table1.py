"""Table I of arXiv 2008.11298: adversarial loss of VGG8 on CIFAR-10 under FGSM, in software and on chips.

Reproduces  AL = CA - AA in software (SW), under transfer (SH) and white-box (HH), FGSM, 16/32/64 tiles
Command     wordline study studies/table1.py --root DIR --out runs/table1 --scale quick; wordline report runs/table1
Time        counted by --cost: quick 6.0e13 multiplications, paper 1.4e16 (7.6 hours at 1 Tflop/s) and the training;
            quick with table2 about 30 minutes on two cores (docs/results/first-chips.md, the same cells)
Expect      published: AL 49.8 to 71.4 in software, 39.0 to 61.6 on chips. Ours: with unit gain AL falls because clean
            accuracy does; with least-squares gain it follows the clean accuracy, and HH is no weaker than SH

quick: VGG8 of half width as it ships, 500 images, chip 0, and chips 1 to 4 at epsilon 0.15. paper: VGG8 trained by the
recipe of arXiv 2109.09060 (2008.11298 prints none), 10,000 images, five chips. Cross-entropy is the paper's loss,
margin is ours; unit gain is what the paper says, least-squares gain the control. Parasitics and variation are assumed
(presets `rethinking-*`), for the paper does not print them.
"""

import wordline as wl
from wordline.records import fraction
from wordline.reports.layout import Axis, Layout, Published
from wordline.studies import AbstractCell, Grid, Images, Packaged, Study, Trained
from wordline.zoo import Recipe

EPS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
PUBLISHED = {  # adversarial loss in percent
    "software SW": (49.83, 58.51, 63.93, 67.18, 69.57, 71.35),
    "16x16 SH": (39.81, 48.55, 53.99, 57.31, 59.47, 61.55),
    "16x16 HH": (39.06, 47.38, 52.42, 55.68, 57.77, 59.47),
    "32x32 SH": (39.66, 48.04, 53.66, 57.05, 59.46, 61.15),
    "32x32 HH": (39.00, 47.14, 52.28, 55.32, 57.26, 58.94),
    "64x64 SH": (39.63, 47.57, 52.84, 56.34, 58.76, 60.44),
    "64x64 HH": (40.08, 47.83, 52.61, 55.87, 58.12, 59.81),
}
GAINS = (wl.UnitGain(), wl.LeastSquaresGain())
LOSSES = ("cross-entropy", "margin")


def attacks(eps: tuple[float, ...]) -> tuple[wl.AbstractAttack, ...]:
    """One step, with the paper's loss and with a scale-free one."""
    return tuple(wl.FGSM(eps=e, loss=loss) for loss in LOSSES for e in eps)


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Software, then chip after chip."""
    crossbars = tuple(wl.Crossbar.preset(f"rethinking-{n}", gain=gain) for gain in GAINS for n in (16, 32, 64))
    if scale == "paper":
        network = Trained("vgg8", "cifar10", Recipe.preset("papers"))
        return Grid(crossbars, attacks(EPS), seeds=(0, 1, 2, 3, 4)).cells(network, Images("cifar10"))
    packaged, images = Packaged("vgg8-half-cifar10"), Images("cifar10", limit=500)
    spread = Grid(crossbars, attacks((0.15,)), seeds=(1, 2, 3, 4), settings=("SH", "HH"))
    return Grid(crossbars, attacks(EPS)).cells(packaged, images) + spread.cells(packaged, images)


def layout(loss: str) -> Layout:
    """The table as printed, for one loss and both gains; the published numbers stand beside each gain."""
    names = tuple(type(gain).__name__ for gain in GAINS)
    rows = {"software SW": PUBLISHED["software SW"]}
    rows |= {f"{row} {gain}": PUBLISHED[row] for gain in names for row in PUBLISHED if row != "software SW"}
    columns = tuple(fraction(eps) for eps in EPS)
    name = f"Table I, {loss} loss"
    printed = tuple(
        Published("arXiv 2008.11298", name, row, column, value)
        for row, values in rows.items()
        for column, value in zip(columns, values, strict=True)
    )
    return Layout(
        name, "AL", rows=Axis("tile, setting, gain", ("tile", "setting", "gain"), order=tuple(rows)),
        columns=Axis("epsilon", ("eps",), order=columns), where=(("loss", loss),), published=printed,
        note="" if loss == LOSSES[0] else "The paper's attack has the cross-entropy loss.",
    )  # fmt: skip


STUDY = Study(
    title="Table I: FGSM on VGG8, CIFAR-10",
    reproduces="arXiv 2008.11298, Table I",
    cells=cells,
    layout=tuple(layout(loss) for loss in LOSSES),
    expected="published: chips lose 10 to 12 points less than software at every epsilon",
)
