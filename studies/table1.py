"""Table I of arXiv 2008.11298: adversarial loss of VGG8 on CIFAR-10 under FGSM.

Reproduces  AL = CA - AA in software (SW), under transfer (SH) and white-box (HH), FGSM, 16/32/64
            tiles
Command     wordline study studies/table1.py --root DIR --out runs/table1 --scale quick; wordline
            report runs/table1
Time        counted by --cost: quick 6.0e13 multiplications, paper 1.4e16 (7.6 hours at 1 Tflop/s)
            and the training; quick 24 minutes on one core shared with other jobs
Expect      published: AL 49.8 to 71.4 in software, 39.0 to 61.6 on chips. Ours: with unit gain AL
            falls because clean accuracy does; with least-squares gain it is that of software to 7
            points, chips keep fewer images, and HH is weaker than SH in 9 of 60 cells, by at most
            1.0 points

quick: VGG8 of half width as it ships, 500 images, chip 0, and chips 1 to 4 at epsilon 0.15. paper:
VGG8 trained by the recipe of arXiv 2109.09060 (2008.11298 prints none), 10,000 images, five chips.
Cross-entropy is the paper's loss, margin is ours; unit gain is what the paper says, least-squares
gain the control. Parasitics and variation are assumed (presets `rethinking-*`), for the paper does
not print them.
"""

import wordline as wl
from wordline.papers.rethinking_2008_11298 import FGSM_EPS, GAINS, fgsm, paper_cells, quick_cells
from wordline.papers.rethinking_2008_11298_tables import table_layout
from wordline.reports.layout import Layout
from wordline.runs import AbstractCell, Study

PUBLISHED = {  # adversarial loss in percent
    "software SW": (49.83, 58.51, 63.93, 67.18, 69.57, 71.35),
    "16x16 SH": (39.81, 48.55, 53.99, 57.31, 59.47, 61.55),
    "16x16 HH": (39.06, 47.38, 52.42, 55.68, 57.77, 59.47),
    "32x32 SH": (39.66, 48.04, 53.66, 57.05, 59.46, 61.15),
    "32x32 HH": (39.00, 47.14, 52.28, 55.32, 57.26, 58.94),
    "64x64 SH": (39.63, 47.57, 52.84, 56.34, 58.76, 60.44),
    "64x64 HH": (40.08, 47.83, 52.61, 55.87, 58.12, 59.81),
}
LOSSES = ("cross-entropy", "margin")


def attacks(radii: tuple[float, ...]) -> tuple[wl.AbstractAttack, ...]:
    """With the paper's loss, then with a scale-free one."""
    return tuple(attack for loss in LOSSES for attack in fgsm(radii, loss=loss))


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Software, then chip after chip."""
    if scale == "paper":
        return paper_cells("vgg8", "cifar10", attacks(FGSM_EPS))
    return quick_cells("vgg8-half-cifar10", attacks(FGSM_EPS), spread=attacks((0.15,)))


def layout(loss: str, quantity: str = "AL") -> Layout:
    """The table as printed, for one loss and both gains; or what AL has to be read beside."""
    return table_layout(
        "Table I", loss, PUBLISHED, FGSM_EPS, [type(gain).__name__ for gain in GAINS], quantity
    )


STUDY = Study(
    title="Table I: FGSM on VGG8, CIFAR-10",
    reproduces="arXiv 2008.11298, Table I",
    cells=cells,
    layout=(
        layout(LOSSES[0]),
        layout(LOSSES[0], "CA"),
        layout(LOSSES[0], "robust gain"),
        layout(LOSSES[1]),
    ),
    expected="published: chips lose 10 to 12 points less than software at every epsilon",
)
