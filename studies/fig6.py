"""Fig 6 of arXiv 2008.11298: adversarial loss of VGG16 on CIFAR-100 under PGD.

Reproduces  AL of VGG16 on CIFAR-100, PGD, in software (SW), under transfer (SH) and white-box (HH),
            16/32/64 tiles
Command     wordline study studies/fig6.py --root DIR --out runs/fig6 --scale quick; wordline report
            runs/fig6
Time        counted by --cost: quick 1.4e13 multiplications (5 minutes on one core shared with other
            jobs), paper 2.1e16 (11 hours at 1 Tflop/s) and the training
Expect      the paper draws curves of which no numbers are at hand: AL of a chip saturates in
            epsilon, as CA bounds it. Of the stand-in: AL is CA from 8/255 on, in software and,
            white-box with least-squares gain, on chips

quick is a stand-in, and its rows say so: ResNet-10 on CIFAR-10 as it ships, 500 images, chip 0.
Steps are those of table2. paper: VGG16 trained on CIFAR-100 by the recipe of arXiv 2109.09060
(2008.11298 prints none), all test images, five chips; --root is a folder of CIFAR-100, parquet
files or pictures (docs/studies.md). Cross-entropy is the paper's loss; unit gain is what the paper
says, least-squares gain the control. Parasitics and variation are assumed (presets `rethinking-*`).
"""

from wordline.papers.rethinking_2008_11298 import (
    GAINS,
    PGD_EPS,
    TILES,
    paper_cells,
    pgd,
    quick_cells,
)
from wordline.papers.rethinking_2008_11298_tables import figure_layout
from wordline.reports.layout import Layout
from wordline.runs import AbstractCell, Study

DATA = {"cifar100": "VGG16, CIFAR-100", "cifar10": "STAND-IN ResNet-10, CIFAR-10"}


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Software, then chip after chip; at quick scale of the stand-in."""
    if scale == "paper":
        return paper_cells("vgg16", "cifar100", pgd())
    return quick_cells("resnet10-cifar10", pgd())


def layout(quantity: str) -> Layout:
    """Rows of the paper's data and of the stand-in, each under its name."""
    gains = [type(gain).__name__ for gain in GAINS]
    return figure_layout("Fig 6", quantity, DATA, PGD_EPS, TILES, gains)


STUDY = Study(
    title="Fig 6: PGD on VGG16, CIFAR-100 (at quick scale a stand-in: ResNet-10, CIFAR-10)",
    reproduces="arXiv 2008.11298, Fig. 6",
    cells=cells,
    layout=(layout("AL"), layout("CA"), layout("robust gain")),
    expected="published, as curves: AL of chips saturates in epsilon",
)
