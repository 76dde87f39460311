"""Gain over software of arXiv 2109.09060, for every (eps_train, eps_attack), and under Square.

Reproduces  AA in software, under transfer (SH) and hardware in the loop (HH): PGD-50 of step 1/255 and Square,
            eps_attack 2, 4, 6, 8 /255, of vanilla networks and eps_train 2, 4, 6, 8 /255
Command     wordline study studies/robust_gain.py --root DIR --out runs/robust_gain --scale quick;
            wordline report runs/robust_gain
Time        quick: the three trainings of noise_snr first (--cache shares them), then the cells (--cost). paper: twenty
            trainings and PGD-50 through PUMA chips; not measured
Expect      the paper: robust accuracy gains 5 to 10 points where eps_attack > eps_train, and 20 to 30 under Square.
            Ours has not been run yet, and nothing is claimed

The gain is a row of a table less its row in software; rows of one network stand together. quick: ResNet-10 on CIFAR-10,
vanilla and eps_train 4 and 8 /255 by one recipe of five epochs (PGD-3 instead of PGD-50), rethinking-64 with both
gains, chip 0, 200 images, PGD of 20 steps, Square of 300 queries. paper: the paper's recipe and PGD-50, Square of 1,000
queries (it prints no number), PUMA presets, five chips, 10,000 images; Square needs wordline[autoattack]. Square asks
the victim itself, so it has no transfer. --root has a folder for each data set.
"""

import wordline as wl
from wordline.records import fraction
from wordline.reports.layout import Axis, Layout
from wordline.studies import AbstractCell, Grid, Images, Study
from wordline.studies.hardened import crossbars, hardened, networks

RADII = (2, 4, 6, 8)


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Network after network: PGD, then Square."""
    paper = scale == "paper"
    designs = crossbars(paper=paper)
    pgd = tuple(
        wl.PGD(eps=r / 255, steps=50 if paper else 20, step_size=1 / 255, loss="cross-entropy", early_stop=True)
        for r in RADII
    )
    square = tuple(wl.Square(eps=r / 255, queries=1000 if paper else 300) for r in RADII)
    seeds = (0, 1, 2, 3, 4) if paper else (0,)
    found: tuple[AbstractCell, ...] = ()
    for architecture, data in networks(paper=paper):
        for radius in (0, *RADII) if paper else (0, 4, 8):
            who, images = hardened(architecture, data, radius, paper=paper), Images(data, limit=0 if paper else 200)
            found += Grid(designs, pgd, seeds=seeds).cells(who, images)
            found += Grid(designs, square, seeds=seeds, settings=("SW", "HH")).cells(who, images)
    return found


def layout(attack: str, quantity: str) -> Layout:
    """A row a network, setting and crossbar."""
    return Layout(
        f"{attack}, {quantity}", quantity, where=(("attack", attack),),
        rows=Axis("network, setting, tile, r_on, gain",
                  ("model", "data", "setting", "tile", "victim.crossbar.device.r_on_ohm", "gain")),
        columns=Axis("eps_attack", ("eps",), order=tuple(fraction(r / 255) for r in RADII)),
        note="Gain: a row less the row of the same network with SW.",
    )  # fmt: skip


STUDY = Study(
    title="Robust accuracy over software for every (eps_train, eps_attack)",
    reproduces="arXiv 2109.09060, gain over software and Square",
    cells=cells,
    layout=tuple(layout(attack, quantity) for attack in ("PGD", "Square") for quantity in ("AA", "CA")),
    expected="published: 5 to 10 points where eps_attack > eps_train, 20 to 30 under Square",
)
