"""What hardware-aware training gives back of the clean accuracy that a crossbar of unit gain takes.

Reproduces  nothing printed: the remedy beside its control, recalibrated batch norm
Command     python studies/hardware_aware.py --root DIR --out docs/results/hardware-aware.jsonl
Minutes     about 35 on one core: 1,950 and 1,560 steps of training at 0.48 s (0.16 s without the chip); 31 evaluations
Expect      84 % in software, 10 % on a chip, 83 % after training, and 82 % with batch norm recalibrated and no training

resnet10 on CIFAR-10 (JPEG copy), `rethinking-64`, gain 1. The chip's layers answer with some 0.4 of what they should,
and training from there finds no way out: in a short look 160 steps at a rate of 0.1 left the loss at 2.28 (log 10 is
2.30). So the weights start grown, each layer by the one factor that its answers shrink by on
chip 0; the row `grown` says how far that alone goes, and is what a least-squares gain would do. From there the network
trains on chips, a new one at each step, with the statistics of batch norm as they were in software. Growing the weights
is a gain by another name, so the last row does without: software weights as they are, an epoch each on chips whose
resistances are an eighth, a quarter, a half of the crossbar's, and on the crossbar.

Every line of the output file is one chip's accuracy. Lines that are there already are not computed again, and the
training goes on from its last whole epoch.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from torch import nn

import wordline as wl
from wordline import datasets, models, training
from wordline.progress import Bar

ROWS = {
    "software": "software",
    "chip": "chip",
    "recalibrated": "chip, batch norm recalibrated on 2,000 training images",
    "grown": "chip of grown weights, not trained",
    "trained": "chip of the network trained on chips, statistics frozen",
    "both": "the same, and batch norm recalibrated",
    "staged": "chip of the network trained from the software weights as they are, wires growing",
}
STAGES = (8.0, 4.0, 2.0, 1.0)  # an epoch each: the resistances of the crossbar divided by this
RECIPE = training.Recipe(epochs=5, schedule=training.OneCycle(0.02), weight_decay=1e-4, frozen_batch_norm=True)


@dataclass
class Study:
    """One run over all rows; what is in `out` is not measured again."""

    data: datasets.ImageData
    out: Path
    models: Path
    limit: int
    epochs: int

    def __post_init__(self) -> None:
        self.crossbar = wl.Crossbar.preset("rethinking-64", gain=wl.UnitGain())
        self.software = wl.load_model("resnet10-cifar10")
        self.test = self.data.test.take(self.limit)
        self.lines = [json.loads(line) for line in self.out.read_text().splitlines()] if self.out.is_file() else []

    @property
    def recipe(self) -> training.Recipe:
        """Cross-entropy on chips of the crossbar."""
        return dataclasses.replace(RECIPE, epochs=self.epochs, forward=wl.OnChip(self.crossbar))

    @property
    def stages(self) -> tuple[training.Recipe, ...]:
        """An epoch each, on chips of growing resistances."""
        crossbars = (dataclasses.replace(self.crossbar, wires=milder(self.crossbar.wires, share)) for share in STAGES)
        recipe = dataclasses.replace(RECIPE, epochs=1, schedule=training.OneCycle(0.01))
        return tuple(dataclasses.replace(recipe, forward=wl.OnChip(crossbar)) for crossbar in crossbars)

    def measure(self, row: str, seed: int, make: Callable[[], nn.Module], *recipes: training.Recipe) -> None:
        """One accuracy, with what it was measured under; `recipes`: those of the trainings before it."""
        conditions = {
            "row": row, "seed": seed, "model": "resnet10-cifar10", "data": "CIFAR-10 (JPEG copy)",
            "images": len(self.test), "test_fingerprint": self.test.fingerprint(),
            "crossbar": json.loads(self.crossbar.to_json()),
            "recipes": [json.loads(recipe.to_json()) for recipe in recipes], "torch": torch.__version__,
        }  # fmt: skip
        if any({key: line.get(key) for key in conditions} == conditions for line in self.lines):
            return
        self.lines.append(conditions | {"accuracy": models.accuracy(make().eval(), self.test)})
        self.out.parent.mkdir(parents=True, exist_ok=True)
        with self.out.open("a") as file:
            file.write(json.dumps(self.lines[-1]) + "\n")

    def train(self, start: nn.Module) -> nn.Module:
        """The network trained on chips; from its file where it is there."""
        name = f"resnet10-cifar10-on-rethinking-64-{self.epochs}"
        file = self.models / f"{name}.safetensors"
        if not file.is_file():
            training.train("resnet10", self.data, self.recipe, self.models, name=name, initial=start, progress=Bar())
        return wl.load_model(file)

    def train_staged(self) -> nn.Module:
        """The software network, trained on chips whose resistances grow to those of the crossbar, an epoch a stage."""
        model: nn.Module = self.software
        for number, recipe in enumerate(self.stages):
            name = f"resnet10-cifar10-staged-rethinking-64-{number}"
            file = self.models / f"{name}.safetensors"
            if not file.is_file():
                training.train("resnet10", self.data, recipe, self.models, name=name, initial=model, progress=Bar())
            model = wl.load_model(file)
        return model

    def run(self, chips: int) -> None:
        """All rows, chip by chip."""
        start = grown(self.software, self.crossbar)
        self.measure("software", 0, lambda: self.software)
        for seed in range(chips):
            chip = wl.map_model(self.software, self.crossbar, seed)
            self.measure("chip", seed, lambda chip=chip: chip)
            self.measure("recalibrated", seed, lambda chip=chip: wl.recalibrate_batch_norm(chip, self.data.train))
            self.measure("grown", seed, lambda seed=seed: wl.map_model(start, self.crossbar, seed))
        tuned = self.train(start)
        for seed in range(chips):
            chip = wl.map_model(tuned, self.crossbar, seed)
            self.measure("trained", seed, lambda chip=chip: chip, self.recipe)
            both = functools.partial(wl.recalibrate_batch_norm, chip, self.data.train)
            self.measure("both", seed, both, self.recipe)
        staged = self.train_staged()
        for seed in range(chips):
            self.measure("staged", seed, functools.partial(wl.map_model, staged, self.crossbar, seed), *self.stages)


def grown(model: nn.Module, crossbar: wl.Crossbar) -> nn.Module:
    """A copy whose matrices are larger by what chip 0 makes them smaller: w <- w <w, w> / <w, w_chip>."""
    chip, larger = wl.map_model(model, crossbar, 0), copy.deepcopy(model)
    with torch.no_grad():
        for name, layer in chip.layers.items():
            weight = larger.get_submodule(name).get_parameter("weight")
            weight.mul_(weight.square().sum() / (weight * layer.effective_weight).sum())
    return larger


def milder(wires: wl.Wires, share: float) -> wl.Wires:
    """All resistances divided by `share`."""
    return wl.Wires(**{field.name: getattr(wires, field.name) / share for field in dataclasses.fields(wires)})


def tabulate(lines: list[dict[str, object]]) -> str:
    """Mean and standard deviation over chips, in Markdown."""
    text = ["| network | clean accuracy, % | chips | images |", "|---|---|---|---|"]
    for row, words in ROWS.items():
        found = [line for line in lines if line["row"] == row]
        values = [100 * float(str(line["accuracy"])) for line in found]
        if values:
            spread = f" +- {statistics.stdev(values):.1f}" if len(values) > 1 else ""
            count = "-" if row == "software" else len(values)
            text.append(f"| {words} | {statistics.mean(values):.1f}{spread} | {count} | {found[0]['images']} |")
    return "\n".join(text)


def main(
    root: str, out: Path = Path("docs/results/hardware-aware.jsonl"), models: Path = Path("runs/models"),
    chips: int = 5, limit: int = 10_000, epochs: int = 5, threads: int = 1,
) -> None:  # fmt: skip
    """Measure what is missing in `out`, and print the table."""
    torch.set_num_threads(threads)
    study = Study(datasets.load_dataset("cifar10", root), out, models, limit, epochs)
    study.run(chips)
    print(tabulate([line for line in study.lines if line["images"] == len(study.test)]))


if __name__ == "__main__":
    tyro.cli(main)
