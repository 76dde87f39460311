"""Fig 4 of arXiv 2008.11298: what clean accuracy remains on chips of 16, 32 and 64 tiles.

Reproduces  CA in software and on chips: VGG8 CIFAR-10, VGG16 CIFAR-100, VGG16 Tiny ImageNet,
            16/32/64 tiles
Command     wordline study studies/fig4.py --root DIR --out runs/fig4 --scale quick; wordline report
            runs/fig4
Time        counted by --cost: quick 9.9e12 multiplications (6 minutes on one core shared with other
            jobs), paper 1.4e15 (0.8 hours at 1 Tflop/s) and the training
Expect      the paper draws bars of which no numbers are at hand: larger tiles lower CA, and harder
            data lose more of it. Ours: 88.3 in software, 86.2, 83.3, 81.3 with least-squares gain,
            25.6, 13.6, 10.3 with unit gain

quick: VGG8 of half width as it ships on CIFAR-10, 1,000 images, five chips. paper: networks trained
by the recipe of arXiv 2109.09060 (2008.11298 prints none), all test images, five chips; --root has
a folder for each data set. Unit gain is what the paper says, least-squares gain the control.
Parasitics and variation are assumed (presets `rethinking-*`), for the paper does not print them. A
record is an attack of radius zero: its AA is its CA.
"""

import wordline as wl
from wordline.papers.rethinking_2008_11298 import CHIPS, GAINS, TILES, crossbars, paper_network
from wordline.reports.layout import Axis, Layout
from wordline.runs import AbstractCell, Grid, Images, PretrainedNetwork, Study

NOTHING = wl.FGSM(eps=0.0, loss="cross-entropy")
NETWORKS = (("vgg8", "cifar10"), ("vgg16", "cifar100"), ("vgg16", "tiny-imagenet"))


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Software, then chip after chip."""
    grid = Grid(crossbars(), (NOTHING,), seeds=CHIPS, settings=("SW", "SH"))
    if scale == "paper":
        return tuple(
            cell
            for name, data in NETWORKS
            for cell in grid.cells(paper_network(name, data), Images(data))
        )
    return grid.cells(PretrainedNetwork("vgg8-half-cifar10"), Images("cifar10", limit=1000))


def layout() -> Layout:
    """Rows as the bars stand, software first."""
    rows = ("software", *(f"{n}x{n} {type(gain).__name__}" for gain in GAINS for n in TILES))
    named = (
        ("cifar10", "CIFAR-10, VGG8 (quick: half width)"), ("cifar100", "CIFAR-100, VGG16"),
        ("tiny-imagenet", "Tiny ImageNet, VGG16"),
    )  # fmt: skip
    return Layout(
        "Fig 4, clean accuracy", "CA", rows=Axis("tile, gain", ("tile", "gain"), order=rows),
        columns=Axis("data", ("data",), order=tuple(data for data, _ in named), names=named),
        note="A figure in the paper, of which no numbers are at hand.",
    )  # fmt: skip


STUDY = Study(
    title="Fig 4: clean accuracy of chips",
    reproduces="arXiv 2008.11298, Fig. 4",
    cells=cells,
    layout=layout(),
    expected="published, as bars: larger tiles lower CA, harder data lose more",
)
