"""Fig 8 of arXiv 2008.11298: robustness against the device, r_on, and r_off at constant r_on.

Reproduces  AL of VGG8 on CIFAR-10 under PGD: r_on 20k and 10k ohm at ratio 10; ratio 10, 200 and
            2000 at r_on 20k ohm
Command     wordline study studies/fig8.py --root DIR --out runs/fig8 --scale quick; wordline report
            runs/fig8
Time        counted by --cost: quick 1.6e14 multiplications (17 minutes on one core shared with
            other jobs), paper 5.3e16 (29 hours at 1 Tflop/s) and the training
Expect      the paper draws curves of which no numbers are at hand: r_on matters, r_off at constant
            r_on does not. Ours: with least-squares gain AL is CA from 16/255 on, whatever the
            device; r_on of 10k takes 3.6 points of it

quick: VGG8 of half width as it ships, 500 images, chip 0. paper: VGG8 trained by the recipe of
arXiv 2109.09060, 10,000 images, five chips. Tiles of 32, which the paper does not print. It speaks
of "a factor of 200": that is read both as the ratio 200 and as 200 times the ratio 10. SW, SH and
HH; cross-entropy, the paper's loss; steps as in table2. Unit gain is what the paper says,
least-squares gain the control; everything but the device is `rethinking-32`.
"""

from dataclasses import replace

import wordline as wl
from wordline.papers.rethinking_2008_11298 import (
    CHIPS,
    GAINS,
    PGD_EPS,
    QUICK_IMAGES,
    crossbars,
    paper_network,
    pgd,
)
from wordline.records.record import fraction
from wordline.reports.layout import Axis, Layout
from wordline.runs import AbstractCell, Grid, Images, PretrainedNetwork, Study

DEVICES = ((20e3, 10), (10e3, 10), (20e3, 200), (20e3, 2000))  # r_on in ohm, r_off / r_on
DEVICE = ("r_on", "r_off")


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Software, then chip after chip."""
    designs = tuple(
        replace(crossbar, device=wl.Memristor(r_on_ohm=on, r_off_ohm=ratio * on))
        for crossbar in crossbars(32)
        for on, ratio in DEVICES
    )
    if scale == "paper":
        return Grid(designs, pgd(), seeds=CHIPS).cells(paper_network(), Images("cifar10"))
    return Grid(designs, pgd()).cells(
        PretrainedNetwork("vgg8-half-cifar10"), Images("cifar10", limit=QUICK_IMAGES)
    )


def layout(quantity: str) -> Layout:
    """A row a device, setting and gain; the words of a record are those of its ohms."""
    named = {"SW": "software SW"}
    for gain in GAINS:
        for on, ratio in DEVICES:
            for setting in ("SH", "HH"):
                label = f"{on:.6g} {ratio * on:.6g} {setting} {type(gain).__name__}"
                named[label] = (
                    f"r_on {on / 1e3:g}k, ratio {ratio}, {setting}, {type(gain).__name__}"
                )
    return Layout(
        f"Fig 8, {quantity}",
        quantity,
        rows=Axis(
            "device, setting, gain",
            (*DEVICE, "setting", "gain"),
            tuple(named),
            tuple(named.items()),
        ),
        columns=Axis("epsilon", ("eps",), order=tuple(fraction(e) for e in PGD_EPS)),
        note="A figure in the paper, of which no numbers are at hand.",
    )


STUDY = Study(
    title="Fig 8: r_on and r_off under PGD, VGG8, CIFAR-10",
    reproduces="arXiv 2008.11298, Fig. 8",
    cells=cells,
    layout=(layout("AL"), layout("CA"), layout("robust gain")),
    expected="published, as curves: AL moves with r_on, and not with r_off at constant r_on",
)
