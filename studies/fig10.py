"""Fig 10 of arXiv 2008.11298: the chip alone, 4-bit pixels, and QUANOS, under FGSM and PGD.

Reproduces  AL of VGG16 on CIFAR-100, 32 tiles, FGSM and PGD: full precision, 4-bit pixels, QUANOS;
            SW, SH and HH
Command     wordline study studies/fig10.py --root DIR --out runs/fig10 --scale quick; wordline
            report runs/fig10
Time        quick 1.2e13 multiplications by --cost, 5 minutes on one core shared with other jobs; at
            paper scale the training of VGG16 on CIFAR-100 comes on top
Expect      the paper draws bars of which no numbers are at hand: SH is first under FGSM and second
            to QUANOS under PGD. Of the stand-in: QUANOS is first, with a CA of 24 %; nothing is
            gained white-box

quick is a stand-in, and its rows say so: ResNet-10 on CIFAR-10 as it ships, 200 images, chip 0.
paper: VGG16 trained on CIFAR-100 by the recipe of arXiv 2109.09060, all test images, five chips;
--root is a folder of CIFAR-100 (docs/studies.md). 4-bit pixels both before the attack, as the paper
has them, and in the model, a defence. QUANOS as in table3, not retrained, steps of PGD as in
table2. Cross-entropy is the paper's loss; unit gain is what the paper says, least-squares gain the
control. Parasitics and variation are assumed (`rethinking-32`).
"""

from wordline.papers.rethinking_2008_11298 import (
    CHIPS,
    FGSM_EPS,
    GAINS,
    PGD_EPS,
    crossbars,
    fgsm,
    paper_network,
    pgd,
)
from wordline.records.record import fraction
from wordline.reports.layout import Axis, Layout
from wordline.runs import (
    AbstractCell,
    FewBitImages,
    FewBitPixels,
    Grid,
    Images,
    PretrainedNetwork,
    Study,
    quanos_on,
)

EPS = {"FGSM": FGSM_EPS, "PGD": PGD_EPS}
BITS = 4
DATA = {
    "cifar100": ("VGG", "VGG16, CIFAR-100"),
    "cifar10": ("ResNet", "STAND-IN ResNet-10, CIFAR-10"),
}


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Defence after defence; at quick scale of the stand-in."""
    paper = scale == "paper"
    grid = Grid(crossbars(32), fgsm() + pgd(), seeds=CHIPS if paper else (0,))
    data, limit = ("cifar100", 0) if paper else ("cifar10", 200)
    network = paper_network("vgg16", data) if paper else PretrainedNetwork("resnet10-cifar10")
    images = Images(data, limit=limit)
    return (
        grid.cells(network, images)
        + grid.cells(network, FewBitImages(data, limit=limit, bits=BITS))
        + grid.cells(FewBitPixels(network, BITS), images)
        + grid.cells(quanos_on(network, data), images)
    )


def layout(attack: str, quantity: str) -> Layout:
    """A row a data set, defence, setting and gain."""
    named = {}
    for data, (kind, name) in DATA.items():
        for pixels, model, defence in (
            (data, kind, "full precision"),
            (f"{data}, {BITS}-bit pixels", kind, f"{BITS}-bit pixels before the attack"),
            (data, f"{kind} behind {BITS}-bit pixels", f"{BITS}-bit pixels in the model"),
            (data, f"{kind} of 5 bits (QUANOS)", "QUANOS"),
        ):
            for words in (
                "SW",
                *(f"{s} {type(gain).__name__}" for gain in GAINS for s in ("SH", "HH")),
            ):
                named[f"{pixels} {model} {words}"] = f"{name}: {defence}, {words}"
    return Layout(
        f"Fig 10, {attack}, {quantity} (rows of CIFAR-10 are a stand-in)",
        quantity,
        where=(("attack", attack),),
        rows=Axis(
            "defence, setting, gain",
            ("data", "model", "setting", "gain"),
            tuple(named),
            tuple(named.items()),
        ),
        columns=Axis("epsilon", ("eps",), order=tuple(fraction(e) for e in EPS[attack])),
        note="A figure in the paper, of which no numbers are at hand.",
    )


STUDY = Study(
    title="Fig 10: chips, 4-bit pixels and QUANOS, VGG16, CIFAR-100 (at quick "
    "scale a stand-in: ResNet-10, CIFAR-10)",
    reproduces="arXiv 2008.11298, Fig. 10",
    cells=cells,
    layout=tuple(
        layout(attack, quantity) for attack in EPS for quantity in ("AL", "CA", "robust gain")
    ),
    expected="published, as bars: SH is first under FGSM, QUANOS first and SH second under PGD",
)
