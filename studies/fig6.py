"""Fig 6 of arXiv 2008.11298: adversarial loss of VGG16 on CIFAR-100 under PGD, in software and on chips.

Reproduces  AL of VGG16 on CIFAR-100, PGD, in software (SW), under transfer (SH) and white-box (HH), 16/32/64 tiles
Command     wordline study studies/fig6.py --root DIR --out runs/fig6 --scale quick; wordline report runs/fig6
Time        counted by --cost: quick 1.4e13 multiplications, paper 2.1e16 (11 hours at 1 Tflop/s) and the training
Expect      the paper draws curves of which no numbers are at hand: AL of a chip saturates in epsilon, as CA bounds it.
            Ours has not been run in full yet, and nothing is claimed

quick is a stand-in, and its rows say so: ResNet-10 on CIFAR-10 as it ships, 500 images, chip 0. Steps are those of
table2. paper: VGG16 trained on CIFAR-100 by the recipe of arXiv 2109.09060 (2008.11298 prints none), all test images,
five chips; --root is a folder of CIFAR-100, parquet files or pictures (docs/studies.md). Cross-entropy is the paper's
loss; unit gain is what the paper says, least-squares gain the control. Parasitics and variation are assumed (presets
`rethinking-*`).
"""

import math

import wordline as wl
from wordline.records import fraction
from wordline.reports.layout import Axis, Layout
from wordline.studies import AbstractCell, Grid, Images, Packaged, Study, Trained
from wordline.zoo import Recipe

TILES = (16, 32, 64)
EPS = (2 / 255, 4 / 255, 8 / 255, 16 / 255, 32 / 255)
GAINS = (wl.UnitGain(), wl.LeastSquaresGain())
STEP = 2 / 255


def attacks() -> tuple[wl.AbstractAttack, ...]:
    """Steps of 2/255, enough of them to cross the ball; white-box attacks stop at the first success."""
    return tuple(
        wl.PGD(
            eps=e, steps=max(10, math.ceil(2.5 * e / STEP)), step_size=STEP, loss="cross-entropy", early_stop=True
        )
        for e in EPS
    )



def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Software, then chip after chip; at quick scale of the stand-in."""
    crossbars = tuple(wl.Crossbar.preset(f"rethinking-{n}", gain=gain) for gain in GAINS for n in TILES)
    if scale == "paper":
        network = Trained("vgg16", "cifar100", Recipe.preset("papers"))
        return Grid(crossbars, attacks(), seeds=(0, 1, 2, 3, 4)).cells(network, Images("cifar100"))
    return Grid(crossbars, attacks()).cells(Packaged("resnet10-cifar10"), Images("cifar10", limit=500))


def layout(quantity: str) -> Layout:
    """Rows of the paper's data and of the stand-in, each under its name."""
    named = {}
    for data, name in (("cifar100", "VGG16, CIFAR-100"), ("cifar10", "STAND-IN ResNet-10, CIFAR-10")):
        named[f"{data} software SW"] = f"{name}: software SW"
        for gain in GAINS:
            for n in TILES:
                for setting in ("SH", "HH"):
                    row = f"{n}x{n} {setting} {type(gain).__name__}"
                    named[f"{data} {row}"] = f"{name}: {row}"
    return Layout(
        f"Fig 6, {quantity} (rows of CIFAR-10 are a stand-in)", quantity,
        rows=Axis("data, tile, setting, gain", ("data", "tile", "setting", "gain"), tuple(named), tuple(named.items())),
        columns=Axis("epsilon", ("eps",), order=tuple(fraction(e) for e in EPS)),
        note="A figure in the paper, of which no numbers are at hand.",
    )  # fmt: skip


STUDY = Study(
    title="Fig 6: PGD on VGG16, CIFAR-100 (at quick scale a stand-in: ResNet-10, CIFAR-10)",
    reproduces="arXiv 2008.11298, Fig. 6",
    cells=cells,
    layout=(layout("AL"), layout("AA"), layout("CA")),
    expected="published, as curves: AL of chips saturates in epsilon",
)
