"""Clean accuracy regained by hardware-aware training on a crossbar of unit gain.

Reproduces  nothing printed: the remedy beside its control, recalibrated batch norm
Command     wordline study studies/hardware_aware.py --root DIR --out docs/results/hardware_aware;
            then python studies/hardware_aware.py prints the table of docs/results/hardware_aware
Time        about 35 minutes on one core: 1,950 and 1,560 steps of training at 0.48 s (0.16 s
            without the chip); 31 evaluations
Expect      84 % in software, 10 % on a chip, 83 % after training, and 82 % with batch norm
            recalibrated and no training

resnet10 on CIFAR-10 (JPEG copy), `rethinking-64`, gain 1. The outputs of the chip's layers are some
0.4 of the software's, and training from there finds no way out: in a short look 160 steps at a rate
of 0.1 left the loss at 2.28 (log 10 is 2.30). So the weights start scaled, each layer by the one
factor by which chip 0 shrinks its outputs; the row `grown` says how far that alone goes, and equals
a least-squares gain. From there the network trains on chips, a new one at each step, with the
statistics of batch norm as they were in software. Scaled weights are a gain by another name, so the
last row does without: software weights as they are, an epoch each on chips whose resistances are an
eighth, a quarter, a half of the crossbar's, and on the crossbar.

quick: five chips. paper: ten.
"""

import copy
import dataclasses
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

import wordline as wl
from wordline import models, training
from wordline.records import wilson
from wordline.runs import (
    AbstractCell,
    AbstractNetwork,
    CellResult,
    FineTunedNetwork,
    Images,
    Journal,
    Loader,
    PretrainedNetwork,
    Study,
)
from wordline.text import markdown_table

OUT = Path("docs/results/hardware_aware/records.jsonl")
ROWS = {
    "software": "software",
    "chip": "chip",
    "recalibrated": "chip, batch norm recalibrated on 2,000 training images",
    "grown": "chip of grown weights, not trained",
    "trained": "chip of the network trained on chips, statistics frozen",
    "both": "the same, and batch norm recalibrated",
    "staged": "chip of the network trained from the software weights as they are, wires growing",
}
CROSSBAR = wl.Crossbar.preset("rethinking-64", gain=wl.UnitGain())
STAGES = (8.0, 4.0, 2.0, 1.0)  # an epoch each: the crossbar's resistances divided by this
RECIPE = training.Recipe(
    epochs=5, schedule=training.OneCycle(0.02), weight_decay=1e-4, frozen_batch_norm=True
)


@dataclass(frozen=True)
class GrownNetwork(AbstractNetwork):
    """A copy whose matrices are scaled against chip 0: w <- w <w, w> / <w, w_chip>."""

    network: AbstractNetwork
    crossbar: wl.Crossbar

    def build(self, loader: Loader) -> nn.Module:
        """Scale every mapped layer by one factor."""
        software = self.network.load(loader)
        chip, larger = wl.map_model(software, self.crossbar, 0), copy.deepcopy(software)
        with torch.no_grad():
            for name, layer in chip.layers.items():
                weight = larger.get_submodule(name).get_parameter("weight")
                weight.mul_(weight.square().sum() / (weight * layer.effective_weight).sum())
        return larger


def divided(wires: wl.Wires, share: float) -> wl.Wires:
    """Divide all resistances by `share`."""
    names = [field.name for field in dataclasses.fields(wires)]
    return wl.Wires(**{name: getattr(wires, name) / share for name in names})


def fine_tuned(start: AbstractNetwork, recipe: training.Recipe) -> FineTunedNetwork:
    """Train on from a network, on chips."""
    return FineTunedNetwork("resnet10", "cifar10", recipe, start=start)


def networks() -> dict[str, AbstractNetwork]:
    """Return the network of every row."""
    software = staged = PretrainedNetwork("resnet10-cifar10")
    grown = GrownNetwork(software, CROSSBAR)
    tuned = fine_tuned(grown, dataclasses.replace(RECIPE, forward=wl.OnChip(CROSSBAR)))
    short = dataclasses.replace(RECIPE, epochs=1, schedule=training.OneCycle(0.01))
    for share in STAGES:
        stage = dataclasses.replace(CROSSBAR, wires=divided(CROSSBAR.wires, share))
        staged = fine_tuned(staged, dataclasses.replace(short, forward=wl.OnChip(stage)))
    plain = dict.fromkeys(("software", "chip", "recalibrated"), software)
    return plain | {"grown": grown, "trained": tuned, "both": tuned, "staged": staged}


@dataclass(frozen=True, kw_only=True)
class TrainingCell(AbstractCell):
    """The clean accuracy of one chip; the row decides the network and its recalibration."""

    row: str
    network: AbstractNetwork
    images: Images
    seed: int = 0

    @property
    def label(self) -> str:
        """Row and seed."""
        return f"{self.row} #{self.seed}"

    def pinned(self, loader: Loader) -> "TrainingCell":
        """Pin the images; the recipe names the network, which is trained when its cell runs."""
        return dataclasses.replace(self, images=self.images.pinned(loader))

    def run(self, loader: Loader) -> CellResult:
        """Map, recalibrate, and count correct answers."""
        victim = self.network.load(loader)
        if self.row != "software":
            victim = wl.map_model(victim, CROSSBAR, self.seed)
        if self.row in ("recalibrated", "both"):
            victim = wl.recalibrate_batch_norm(victim, loader.data("cifar10").train)
        test = self.images.load(loader)
        rate = models.accuracy(victim.eval(), test)
        interval = wilson(round(rate * len(test)), len(test))
        return CellResult(self, dataclasses.replace(interval, value=rate))


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Return the chips of all rows."""
    return tuple(
        TrainingCell(row=row, network=network, images=Images("cifar10"), seed=seed)
        for row, network in networks().items()
        for seed in range(1 if row == "software" else 10 if scale == "paper" else 5)
    )


def table(rows: Iterable[CellResult]) -> list[str]:
    """Return Markdown: mean and standard deviation over chips."""
    rows = list(rows)
    entries = []
    for name, words in ROWS.items():
        found = [row for row in rows if row.cell.row == name]
        if values := [100 * row.result.value for row in found]:
            spread = f" +- {statistics.stdev(values):.1f}" if len(values) > 1 else ""
            count = "-" if name == "software" else len(values)
            mean = f"{statistics.mean(values):.1f}{spread}"
            entries.append((words, mean, count, found[0].cell.images.count))
    return markdown_table(("network", "clean accuracy, %", "chips", "images"), entries)


STUDY = Study(
    title="Clean accuracy regained by hardware-aware training",
    reproduces="nothing printed",
    cells=cells,
    expected="83 % after training on chips; 82 % with batch norm recalibrated and no training",
)

if __name__ == "__main__":
    print("\n".join(table(Journal(OUT, CellResult).results.values())))
