"""Gain over software of arXiv 2109.09060, for every (eps_train, eps_attack), and under Square.

Reproduces  AA in software, under transfer (SH) and hardware in the loop (HH), and its gain over
            software: PGD-50 of step 1/255 and Square, eps_attack 2, 4, 6, 8 /255, of vanilla
            networks and eps_train 2, 4, 6, 8 /255
Command     wordline study studies/robust_gain.py --root DIR --out runs/robust_gain --scale quick;
            wordline report runs/robust_gain
Time        quick: 31 minutes on one core beside other jobs, two thirds of it Square. paper: twenty
            trainings and PGD-50 through PUMA chips; not measured
Expect      the paper: robust accuracy gains 5 to 10 points where eps_attack > eps_train, and 20 to
            30 under Square. Ours, on rethinking chips: up to 18.5 points of transferred images,
            none white-box and none under Square

A gain is paired: the same images on the chip and in software, attacked with as many steps, with the
interval of the pairs. quick: the networks that ship with wordline on CIFAR-10: ResNet-10, vanilla
and eps_train 2, 4 and 8 /255, and as a stand-in for the paper's ResNet-20 on CIFAR-100 one on
CIFAR-10, vanilla and eps_train 8/255; rethinking-16 and -64 with least-squares gain, chip 0, 200
images, PGD of 20 steps, Square of 300 queries at 4 and 8 /255 (studies/noise_stability.py has 500
images and 50 steps, and PUMA chips). paper: the paper's recipe and PGD-50, Square of 1,000 queries
(it prints no number), PUMA presets, five chips, 10,000 images; Square needs wordline[autoattack].
Square asks the victim itself, so it has no transfer. --root has a folder for each data set.
"""

import wordline as wl
from wordline.papers.noise_stability_2109_09060 import crossbars, networks
from wordline.records.record import fraction
from wordline.reports.layout import Axis, Layout
from wordline.runs import AbstractCell, Grid, Images, Study

RADII = (2, 4, 6, 8)


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Network after network: PGD, then Square."""
    paper = scale == "paper"
    designs, seeds = crossbars(paper=paper), (0, 1, 2, 3, 4) if paper else (0,)
    pgd = tuple(
        wl.PGD(
            eps=r / 255,
            steps=50 if paper else 20,
            step_size=1 / 255,
            loss="cross-entropy",
            early_stop=True,
        )
        for r in RADII
    )
    square = tuple(
        wl.Square(eps=r / 255, queries=1000 if paper else 300) for r in (RADII if paper else (4, 8))
    )
    found: tuple[AbstractCell, ...] = ()
    for who, data in networks(paper=paper):
        images = Images(data, limit=0 if paper else 200)
        found += Grid(designs, pgd, seeds=seeds).cells(who, images)
        found += Grid(designs, square, seeds=seeds, settings=("SW", "HH")).cells(who, images)
    return found


def layout(attack: str, quantity: str) -> Layout:
    """A row a network, setting and crossbar."""
    return Layout(
        f"{attack}, {quantity}", quantity, where=(("attack", attack),),
        rows=Axis("network, setting, tile, r_on, gain",
                  ("model", "data", "setting", "tile", "r_on", "gain")),
        columns=Axis("eps_attack", ("eps",), order=tuple(fraction(r / 255) for r in RADII)),
        note="Over software on the same images, paired." if quantity == "robust gain" else "",
    )  # fmt: skip


STUDY = Study(
    title="Robust accuracy over software for every (eps_train, eps_attack)",
    reproduces="arXiv 2109.09060, gain over software and Square",
    cells=cells,
    layout=tuple(
        layout(attack, quantity)
        for attack in ("PGD", "Square")
        for quantity in ("robust gain", "AA", "CA")
    ),
    expected="published: 5 to 10 points where eps_attack > eps_train, 20 to 30 under Square",
)
