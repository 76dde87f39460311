"""Table II of arXiv 2008.11298: adversarial loss of VGG8 on CIFAR-10 under PGD.

Reproduces  AL = CA - AA in software (SW), under transfer (SH) and white-box (HH), PGD, 16/32/64
            tiles
Command     wordline study studies/table2.py --root DIR --out runs/table2 --scale quick; wordline
            report runs/table2
Time        counted by --cost: quick 3.5e14 multiplications at most, paper 8.1e16 (45 hours at 1
            Tflop/s) and the training; quick 57 minutes on one core shared with other jobs
Expect      published: AL 83.7 to 86.9 in software, 67.1 to 78.4 on chips, HH below SH. Ours: with
            least-squares gain AL is the clean accuracy from 8/255 on, on chips as in software, and
            HH is no weaker than SH

quick: VGG8 of half width as it ships, 500 images, chip 0, and chips 1 to 4 at 8/255. paper: VGG8
trained by the recipe of arXiv 2109.09060 (2008.11298 prints none), 10,000 images, five chips.
Cross-entropy is the paper's loss, margin is ours; unit gain is what the paper says, least-squares
gain the control. Parasitics and variation are assumed (presets `rethinking-*`), for the paper does
not print them.

The paper prints neither the number of steps nor a random start: ours are max(10, ceil(2.5 eps /
step)) and one random start, the best iterate kept. White-box attacks stop at the first
misclassified iterate, which can only lower AA.
"""

import wordline as wl
from wordline.papers.rethinking_2008_11298 import GAINS, PGD_EPS, paper_cells, pgd, quick_cells
from wordline.papers.rethinking_2008_11298_tables import table_layout
from wordline.reports.layout import Layout
from wordline.runs import AbstractCell, Study

PUBLISHED = {  # adversarial loss in percent
    "software SW": (83.66, 83.75, 83.97, 84.87, 86.88),
    "16x16 SH": (74.79, 74.91, 75.29, 76.14, 78.41),
    "16x16 HH": (71.78, 71.89, 71.97, 72.52, 73.92),
    "32x32 SH": (73.48, 73.58, 74.10, 74.90, 77.54),
    "32x32 HH": (71.13, 71.22, 71.55, 71.97, 73.36),
    "64x64 SH": (70.28, 70.29, 70.58, 71.03, 72.40),
    "64x64 HH": (67.92, 67.14, 67.38, 68.73, 71.06),
}
LOSSES = ("cross-entropy", "margin")


def attacks(radii: tuple[float, ...]) -> tuple[wl.AbstractAttack, ...]:
    """With the paper's loss, then with a scale-free one."""
    return tuple(attack for loss in LOSSES for attack in pgd(radii, loss=loss))


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Software, then chip after chip."""
    if scale == "paper":
        return paper_cells("vgg8", "cifar10", attacks(PGD_EPS))
    return quick_cells("vgg8-half-cifar10", attacks(PGD_EPS), spread=attacks((8 / 255,)))


def layout(loss: str, quantity: str = "AL") -> Layout:
    """The table as printed, for one loss and both gains; or what AL has to be read beside."""
    return table_layout(
        "Table II", loss, PUBLISHED, PGD_EPS, [type(gain).__name__ for gain in GAINS], quantity
    )


STUDY = Study(
    title="Table II: PGD on VGG8, CIFAR-10",
    reproduces="arXiv 2008.11298, Table II",
    cells=cells,
    layout=(
        layout(LOSSES[0]),
        layout(LOSSES[0], "CA"),
        layout(LOSSES[0], "robust gain"),
        layout(LOSSES[1]),
    ),
    expected="published: chips lose 6 to 20 points less than software, HH less than SH",
)
