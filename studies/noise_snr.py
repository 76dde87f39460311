"""Noise stability of arXiv 2109.09060: clean accuracy and SNR per layer of trained networks.

Reproduces  clean accuracy in software and on chips, SNR of every layer: ResNet-10 CIFAR-10,
            ResNet-20 CIFAR-100, widths 1 and 4, eps_train 0, 2, 4, 6, 8 /255
Command     wordline study studies/noise_snr.py --root DIR --out runs/noise_snr --scale quick;
            wordline report runs/noise_snr
Time        quick: 4 minutes on one core beside other jobs. paper: twenty trainings of 200 epochs,
            PGD-50 in most, and PUMA chips; not measured
Expect      the paper: adversarially trained networks have lower SNR and lose twice the accuracy on
            hardware. Ours, on these noisier chips: 1.4 to 3.9 dB less at the logits, and 1.6 to 3.1
            times the loss, twice with ResNet-20

quick: the networks that ship with wordline on CIFAR-10: ResNet-10, vanilla and eps_train 2, 4 and 8
/255, and as a stand-in for the paper's ResNet-20 on CIFAR-100 one on CIFAR-10, vanilla and
eps_train 8/255; a few epochs of fast FGSM (their cards) instead of 200 of PGD-50. rethinking-16 and
-64 with least-squares gain, three chips; 500 images for accuracy, 100 for SNR. paper: the paper's
recipe with PGD-50 of step 1/255, random start with probability 0.9, first tenth of the training
images for validation, on the PUMA presets of that paper's crossbars; drivers, wires and the
device's law are assumed there. A record of accuracy is an attack of radius zero: its AA is its CA.
--root has a folder for each data set.
"""

import wordline as wl
from wordline.papers.noise_stability_2109_09060 import crossbars, networks
from wordline.reports.layout import Axis, Layout
from wordline.runs import AbstractCell, Grid, Images, StabilityCell, Study

NOTHING = wl.FGSM(eps=0.0, loss="cross-entropy")


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Network after network: accuracy, then SNR."""
    paper = scale == "paper"
    designs, seeds = crossbars(paper=paper), range(5 if paper else 3)
    found: list[AbstractCell] = []
    for who, data in networks(paper=paper):
        grid = Grid(designs, (NOTHING,), seeds=tuple(seeds), settings=("SW", "SH"))
        found += grid.cells(who, Images(data, limit=0 if paper else 500))
        found += [
            StabilityCell(
                network=who,
                images=Images(data, limit=1000 if paper else 100),
                crossbar=crossbar,
                chip_seed=seed,
                batch_size=50,
            )
            for crossbar in designs
            for seed in seeds
        ]
    return tuple(found)


CROSSBAR = ("tile", "r_on", "gain")
LAYOUTS = (
    Layout(
        "Clean accuracy",
        "CA",
        rows=Axis("tile, r_on, gain", CROSSBAR),
        columns=Axis("network", ("model",)),
    ),
    Layout(
        "SNR of the logits",
        "SNR of the logits",
        rows=Axis("tile, r_on, gain", CROSSBAR),
        columns=Axis("network", ("model",)),
        note="Of the mean ratio of powers over images; the signal is the chip's activation.",
    ),
    Layout(
        "SNR of every layer",
        "SNR of a layer",
        rows=Axis("tile, r_on, gain, layer", (*CROSSBAR, "layer")),
        columns=Axis("network", ("model",)),
        note="Layers in the order of the pass, each under its own inputs' noise and "
        "all noise before it.",
    ),
)

STUDY = Study(
    title="Clean accuracy and SNR per layer of vanilla and adversarially trained networks",
    reproduces="arXiv 2109.09060, clean accuracy and SNR",
    cells=cells,
    layout=LAYOUTS,
    expected="published: adversarially trained networks have lower SNR and lose "
    "twice the accuracy on hardware",
)
