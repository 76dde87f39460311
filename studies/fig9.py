"""Fig 9 of arXiv 2008.11298: pixels of few bits on chips of 32 tiles, under FGSM.

Reproduces  AL of VGG8 on CIFAR-10, pixels of 8, 4 and 2 bits, 32 tiles, FGSM; SW, SH and HH
Command     wordline study studies/fig9.py --root DIR --out runs/fig9 --scale quick; wordline report
            runs/fig9
Time        counted by --cost: quick 4.5e13 multiplications (17 minutes on one core shared with
            other jobs), paper 1.4e16 (7.9 hours at 1 Tflop/s) and the training
Expect      the paper draws curves of which no numbers are at hand: 4-bit pixels win at high epsilon
            only, 2-bit pixels cost CA. Ours: AL with 4 bits is that with 8 to within 2.5 points; 2
            bits cost 18 to 21 points of CA, but with unit gain

Both ways of discretising: "before the attack" is the paper's, the data have few bits and the attack
moves pixels between the levels; "in the model" is a defence, what the attack made is rounded too,
and the attack takes the rounding for the identity (straight-through). quick: VGG8 of half width as
it ships, 500 images, chip 0. paper: VGG8 trained by the recipe of arXiv 2109.09060, 10,000 images,
five chips. Cross-entropy is the paper's loss; unit gain is what the paper says, least-squares gain
the control. Parasitics and variation are assumed (`rethinking-32`).
"""

from wordline.papers.rethinking_2008_11298 import (
    CHIPS,
    FGSM_EPS,
    GAINS,
    QUICK_IMAGES,
    crossbars,
    fgsm,
    paper_network,
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
)

BITS = (8, 4, 2)


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Bits after bits, before the attack and in the model."""
    paper = scale == "paper"
    grid = Grid(crossbars(32), fgsm(), seeds=CHIPS if paper else (0,))
    network = paper_network() if paper else PretrainedNetwork("vgg8-half-cifar10")
    limit = 0 if paper else QUICK_IMAGES
    found: tuple[AbstractCell, ...] = ()
    for bits in BITS:
        found += grid.cells(network, FewBitImages("cifar10", limit=limit, bits=bits))
        found += grid.cells(FewBitPixels(network, bits), Images("cifar10", limit=limit))
    return found


def layout(quantity: str) -> Layout:
    """A row a defence, setting and gain."""
    named = {}
    for data, model, where in (
        ("cifar10, {}-bit pixels", "VGG", "before the attack"),
        ("cifar10", "VGG behind {}-bit pixels", "in the model"),
    ):
        for bits in BITS:
            for setting in (
                "SW",
                *(f"{s} {type(gain).__name__}" for gain in GAINS for s in ("SH", "HH")),
            ):
                named[f"{data} {model} {setting}".format(bits)] = f"{bits} bits {where}, {setting}"
    return Layout(
        f"Fig 9, {quantity}",
        quantity,
        rows=Axis(
            "pixels, setting, gain",
            ("data", "model", "setting", "gain"),
            tuple(named),
            tuple(named.items()),
        ),
        columns=Axis("epsilon", ("eps",), order=tuple(fraction(e) for e in FGSM_EPS)),
        note="A figure in the paper, of which no numbers are at hand; its pixels "
        "are discretised before the attack.",
    )


STUDY = Study(
    title="Fig 9: pixels of few bits under FGSM, VGG8, CIFAR-10, 32 tiles",
    reproduces="arXiv 2008.11298, Fig. 9",
    cells=cells,
    layout=(layout("AL"), layout("CA"), layout("robust gain")),
    expected="published, as curves: 4-bit pixels lower AL at high epsilon only, "
    "2-bit pixels cost CA",
)
