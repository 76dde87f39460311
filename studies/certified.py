"""Certified accuracy of ResNet-10 by the output noise of its first layer, on CIFAR-10.

Reproduces  nothing printed: what a chip's own noise certifies, what it costs in clean accuracy,
            and whether it is worth as much as noise at the input of software (Cohen et al. 2019,
            arXiv 1902.02918)
Command     wordline study studies/certified.py --root DIR --out runs/certified; then python
            studies/certified.py runs/certified/records.jsonl prints the table
Time        see below; `--cost` counts the passes of the certificates, not the trainings
Expect      next to nothing without training; with it a chip behind software at equal radii, for a
            chip's noise is input noise of that worth and more (docs/certificate.md)

The first layer is on a crossbar of ideal wires with 64 x 64 tiles, and the others are digital: the
certificate needs the noise of the first layer alone. Full voltage is 1, the white of a pixel.
Standard deviation of the noise: 1, 2 and 4 % of a column's full scale, at each read; for the
weights of `resnet10-cifar10` they are worth 0.143, 0.287 and 0.573 at the input, and after training
what the records say. Rows of each level: chip of the network as it is; chip of the network
trained on with that noise (`OnChip`, a new draw at each read); software trained on with that much
noise at its input, and certified with it.

quick: 200 images, 100 + 1,000 reads, PGD of 10 steps with 8 reads a gradient at 0.25 and 0.5. Each
of the 9 cells makes 200 x (1,100 + 2 x (8 x 11 + 100)) = 295,000 forward and 32,000 backward
passes: at 1.4 ms each, measured on one core shared with other jobs, 8 minutes a cell and 70 in
all. Six trainings of ten epochs, 3,900 steps each: at 0.55 s a step, measured likewise, 36 minutes
each. A look at 100 steps of training and 50 images gave the chip of 1 % noise 71 % of clean
accuracy and certified 46 % at 0.1; software with noise at its input 78 % and 54 %.
paper: two more levels, 500 images, 100,000 reads, no attack: 50 million passes a cell, 18 hours
each on one core.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch
from torch import nn

import wordline as wl
from wordline import training
from wordline.evaluation.matched_noise import NoisyLayer
from wordline.records import Certificate, certificate_table
from wordline.runs import (
    AbstractCell,
    AbstractNetwork,
    CertificateCell,
    CertificateSettings,
    FineTunedNetwork,
    Images,
    Journal,
    NamedNetwork,
    PretrainedNetwork,
    Study,
)

FIRST = ("conv",)
NOISES = (0.01, 0.02, 0.04)  # shares of full scale
WORTH = 14.3  # of a share at the input, for the weights of resnet10-cifar10
RADII = (0.25, 0.5)
SOFTWARE = PretrainedNetwork("resnet10-cifar10")
RECIPE = training.Recipe(epochs=10, schedule=training.OneCycle(0.05))


@dataclass(frozen=True)
class InputNoise(training.AbstractTrainingForward):
    """Gaussian noise of one standard deviation on every image, as Cohen et al. train."""

    sigma: float

    def wrap(self, model: nn.Module) -> nn.Module:
        """Put the noise in front of the network itself."""
        return nn.Sequential(NoisyLayer(nn.Identity(), 0.0, self.sigma, torch.Generator()), model)

    def on_step(self, network: nn.Module, seed: int) -> None:
        """Draw the noise of a step from its seed."""
        cast(NoisyLayer, cast(nn.Sequential, network)[0]).generator.manual_seed(seed)


def crossbar(noise: float) -> wl.Crossbar:
    """Return ideal wires with this share of full scale as output noise."""
    return replace(
        wl.Crossbar.preset("ideal"),
        dac=wl.IdealConverter(range=wl.devices.FixedRange(1.0)),
        output_noise=wl.OutputNoise(sigma=noise),
    )


def trained(forward: training.AbstractTrainingForward, name: str) -> AbstractNetwork:
    """Train on from the network that ships, with noise."""
    recipe = replace(RECIPE, forward=forward)
    return NamedNetwork(FineTunedNetwork("resnet10", "cifar10", recipe, start=SOFTWARE), name)


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Return three rows of each level of noise."""
    whole = scale == "paper"
    settings = CertificateSettings(
        radii=RADII, estimation=100_000 if whole else 1000, attack_steps=0 if whole else 10
    )
    images = Images("cifar10", limit=500 if whole else 200)
    found = []
    for noise in (0.005, *NOISES, 0.08) if whole else NOISES:
        name = f"trained with {noise:g}"
        tuned = trained(wl.OnChip(crossbar(noise), only=FIRST), f"{name} of full scale")
        baseline = trained(InputNoise(WORTH * noise), f"{name} x {WORTH:g} at the input")
        chip = CertificateCell(
            network=SOFTWARE, images=images, crossbar=crossbar(noise), only=FIRST,
            settings=settings,
        )  # fmt: skip
        software = CertificateCell(
            network=baseline, images=images, sigma=WORTH * noise, settings=settings
        )
        found += [chip, replace(chip, network=tuned), software]
    return tuple(found)


def table(certificates: Iterable[Certificate]) -> str:
    """Return the table of certified and clean accuracy, and that of the attacks."""
    return certificate_table(list(certificates), title="ResNet-10, CIFAR-10")


STUDY = Study(
    title="Certified accuracy by the output noise of the first layer",
    reproduces="nothing printed; the radii are those of Cohen et al. 2019",
    cells=cells,
    expected="a chip trained with its noise certifies as much as software with input noise",
)

if __name__ == "__main__":
    print(table(cast(dict[str, Certificate], Journal(Path(sys.argv[1])).results).values()))
