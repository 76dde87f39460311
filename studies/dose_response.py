"""Dose and response: a gain over software against the parasitics that it is paid with.

Reproduces  nothing printed: the question behind arXiv 2008.11298 and 2109.09060, whether a chip is
            harder to fool than its software, and what the difference is made of
Command     wordline study studies/dose_response.py --root DIR --out runs/dose_response --workers 2;
            wordline report runs/dose_response --figures figures
Time        quick: 68 minutes with two workers on two cores shared with other jobs (AVX2)
Expect      with unit gain a few points at small radii, as many as the attenuated twin has, or
            fewer; with least-squares gain a loss

The network is one that somebody else trained, a public ResNet-20 (examples/public_resnet20.py),
whose file is looked for in the folder `networks`. Parasitics are those of `rethinking-N` (driver
and sense 1 kOhm, wires 5 and 10 ohm a segment) times k, variation 0.1, unit gain; and x 1 with
least-squares gain. Each chip has its attenuated twin beside it, and software's weights are
multiplied by one factor from 0.8 to 1.02, which needs no hardware. PGD of ten steps of eps / 4,
margin loss, one random start: transferred from software (SH), and white-box (HH). quick: the first
1,000 test images, 64 x 64 tiles at five k, 16 and 32 at the k of `rethinking-matched-N`, five
chips, 1/255. paper: three tiles at nine k, three radii, 10,000 images.
"""

from dataclasses import replace

import wordline as wl
from wordline.reports.layout import Axis, Layout
from wordline.runs import AbstractCell, Grid, Images, PretrainedNetwork, ScaledWeights, Study

NETWORK = PretrainedNetwork(
    "examples.public_resnet20:cifar10_a", "networks/resnet20-cifar10-a.safetensors"
)
DOSES = (0.01, 0.02, 0.05, 0.1, 0.2)
FACTORS = (0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.98, 1.02)
CHIPS = (0, 1, 2, 3, 4)


def dosed(tile: int, factor: float) -> wl.Crossbar:
    """Return a crossbar of the paper's with `factor` times its parasitics, unit gain."""
    literal = wl.Crossbar.preset(f"rethinking-{tile}")
    return replace(literal, wires=literal.wires.scaled(factor))


def designs(scale: str) -> tuple[wl.Crossbar, ...]:
    """Return crossbars by dose, then those at full dose with a least-squares gain."""
    tiles = (16, 32, 64)
    regained = [wl.Crossbar.preset(f"rethinking-{n}", gain=wl.LeastSquaresGain()) for n in tiles]
    if scale == "paper":
        doses = (*DOSES, 0.03, 0.3, 0.5, 1.0)
        return (*(dosed(n, k) for n in tiles for k in doses), *regained)
    matched = [wl.Crossbar.preset(f"rethinking-matched-{n}") for n in tiles]
    return (*(dosed(64, k) for k in DOSES), *matched, regained[-1])


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Return software and its factors, then chip after chip, each beside its twin."""
    radii = (0.5, 1, 2) if scale == "paper" else (1,)
    attacks = tuple(
        wl.PGD(eps=r / 255, steps=10, step_size=r / 4 / 255, loss="margin", early_stop=True)
        for r in radii
    )
    images = Images("cifar10", limit=0 if scale == "paper" else 1000)
    factors = Grid(tuple(map(ScaledWeights, FACTORS)), attacks)
    chips = Grid(designs(scale), attacks, seeds=CHIPS, twins=True)
    found = (*factors.cells(NETWORK, images), *chips.cells(NETWORK, images))
    return tuple(dict.fromkeys(found))  # software once


def layout(quantity: str) -> Layout:
    """Lay out a row a design and setting, a column a radius."""
    return Layout(
        quantity, quantity,
        rows=Axis("tile, ohm a row segment, gain, setting", ("tile", "row_ohm", "gain", "setting")),
        columns=Axis("epsilon", ("eps",)),
        note="Over software on the same images, paired." if quantity == "robust gain" else "",
    )  # fmt: skip


STUDY = Study(
    title="Dose and response: parasitics, clean accuracy and the gain over software",
    reproduces="the claim of arXiv 2008.11298 and 2109.09060",
    cells=cells,
    layout=tuple(layout(quantity) for quantity in ("robust gain", "AL", "CA", "AA")),
    expected="a few points with unit gain, as many as the attenuated twin has",
)
