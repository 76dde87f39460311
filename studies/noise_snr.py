"""Noise stability of arXiv 2109.09060: clean accuracy and SNR per layer, vanilla beside adversarially trained networks.

Reproduces  clean accuracy in software and on chips, SNR of every layer: ResNet-10 CIFAR-10, ResNet-20 CIFAR-100, widths
            1 and 4, eps_train 0, 2, 4, 6, 8 /255
Command     wordline study studies/noise_snr.py --root DIR --out runs/noise_snr --scale quick;
            wordline report runs/noise_snr
Time        quick: three trainings of ResNet-10 first, reckoned as 50 minutes on one core from 1.4 ms an image and step;
            the cells are cheap beside them (--cost). paper: twenty trainings of 200 epochs, PGD-50 in most; not
            measured
Expect      the paper: adversarially trained networks have lower SNR and lose twice the accuracy on hardware. Ours:
            nothing is claimed before it has run

quick: ResNet-10 on CIFAR-10, vanilla and eps_train 4 and 8 /255, all by one recipe of five epochs (PGD-3 instead of
PGD-50), on rethinking-64 with both gains; 500 images for accuracy, 100 for SNR. paper: the paper's recipe with PGD-50
of step 1/255, random start with probability 0.9, first tenth of the training images for validation, on the PUMA presets
of that paper's crossbars; drivers, wires and the device's law are assumed there. A record of accuracy is an attack of
radius zero: its AA is its CA. --root has a folder for each data set.
"""

import wordline as wl
from wordline.reports.layout import Axis, Layout
from wordline.studies import AbstractCell, Grid, Images, StabilityCell, Study
from wordline.studies.hardened import crossbars, hardened, networks

NOTHING = wl.FGSM(eps=0.0, loss="cross-entropy")
LAYERS = {"ResNet-10": 12, "ResNet-20": 22}  # convolutions, shortcuts and the last layer, at most


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Network after network: accuracy, then SNR."""
    paper = scale == "paper"
    designs = crossbars(paper=paper)
    found: list[AbstractCell] = []
    for architecture, data in networks(paper=paper):
        for radius in (0, 2, 4, 6, 8) if paper else (0, 4, 8):
            who, seeds = hardened(architecture, data, radius, paper=paper), range(5 if paper else 3)
            grid = Grid(designs, (NOTHING,), seeds=tuple(seeds), settings=("SW", "SH"))
            found += grid.cells(who, Images(data, limit=0 if paper else 500))
            found += [
                StabilityCell(
                    network=who, images=Images(data, limit=1000 if paper else 100), crossbar=crossbar, chip_seed=seed,
                    batch_size=50,
                )
                for crossbar in designs for seed in seeds
            ]  # fmt: skip
    return tuple(found)


CROSSBAR = ("tile", "chip.crossbar.device.r_on_ohm", "gain")
LAYOUTS = (
    Layout(
        "Clean accuracy", "CA", rows=Axis("tile, r_on, gain", ("tile", "victim.crossbar.device.r_on_ohm", "gain")),
        columns=Axis("network", ("model",)),
    ),
    *(
        Layout(
            f"SNR of mapped layer {index + 1}", "SNR", field=f"layers.{index}.snr.mean", unit="1", scale=1.0,
            rows=Axis("tile, r_on, gain", CROSSBAR), columns=Axis("network", ("model",)),
            note="A ratio of powers; the signal is the chip's activation. Layers in the order of the pass.",
        )
        for index in range(LAYERS["ResNet-20"])
    ),
    Layout(
        "SNR of the logits", "SNR", field="logits.snr.mean", unit="1", scale=1.0,
        rows=Axis("tile, r_on, gain", CROSSBAR), columns=Axis("network", ("model",)),
    ),
)  # fmt: skip

STUDY = Study(
    title="Clean accuracy and SNR per layer of vanilla and adversarially trained networks",
    reproduces="arXiv 2109.09060, clean accuracy and SNR",
    cells=cells,
    layout=LAYOUTS,
    expected="published: adversarially trained networks have lower SNR and lose twice the accuracy on hardware",
)
