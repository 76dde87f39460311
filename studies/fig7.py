"""Fig 7 of arXiv 2008.11298: adversarial loss of VGG16 on Tiny ImageNet under FGSM.

Reproduces  AL of VGG16 on Tiny ImageNet, FGSM, in software (SW), under transfer (SH) and white-box
            (HH), 16/32/64 tiles
Command     wordline study studies/fig7.py --root DIR --out runs/fig7 --scale quick; wordline report
            runs/fig7
Time        counted by --cost: quick 4.9e12 multiplications (4 minutes on one core shared with other
            jobs), paper 1.4e16 (7.7 hours at 1 Tflop/s) and the training
Expect      the paper draws curves of which no numbers are at hand: the loss of CA is the largest of
            all data sets. Of the stand-in: CA 82.4 to 68.8 on 64 tiles, and no chip of
            least-squares gain keeps more, but 0.2

quick is a stand-in, and its rows say so: ResNet-20 on CIFAR-10 as it ships, 500 images, chip 0.
paper: VGG16 trained on Tiny ImageNet by the recipe of arXiv 2109.09060 (2008.11298 prints none),
all test images, five chips; --root is a folder of Tiny ImageNet, parquet files or pictures
(docs/studies.md). Cross-entropy is the paper's loss; unit gain is what the paper says,
least-squares gain the control. Parasitics and variation are assumed (presets `rethinking-*`).
"""

from wordline.papers.rethinking_2008_11298 import (
    FGSM_EPS,
    GAINS,
    TILES,
    fgsm,
    paper_cells,
    quick_cells,
)
from wordline.papers.rethinking_2008_11298_tables import figure_layout
from wordline.reports.layout import Layout
from wordline.runs import AbstractCell, Study

DATA = {"tiny-imagenet": "VGG16, Tiny ImageNet", "cifar10": "STAND-IN ResNet-20, CIFAR-10"}


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Software, then chip after chip; at quick scale of the stand-in."""
    if scale == "paper":
        return paper_cells("vgg16", "tiny-imagenet", fgsm())
    return quick_cells("resnet20-cifar10", fgsm())


def layout(quantity: str) -> Layout:
    """Rows of the paper's data and of the stand-in, each under its name."""
    gains = [type(gain).__name__ for gain in GAINS]
    return figure_layout("Fig 7", quantity, DATA, FGSM_EPS, TILES, gains)


STUDY = Study(
    title="Fig 7: FGSM on VGG16, Tiny ImageNet (at quick scale a stand-in: ResNet-20, CIFAR-10)",
    reproduces="arXiv 2008.11298, Fig. 7",
    cells=cells,
    layout=(layout("AL"), layout("CA"), layout("robust gain")),
    expected="published, as curves: AL of chips below that of software, CA lost "
    "most of all data sets",
)
