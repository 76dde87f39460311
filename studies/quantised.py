"""Few bits as a defence: pixels of few bits and QUANOS on CIFAR-10, attacked adaptively.

Reproduces  the questions of Fig. 9, Table III and Fig. 10 of arXiv 2008.11298, on other networks
            and crossbars
Command     wordline study studies/quantised.py --root DIR --out docs/results/quantised; then python
            studies/quantised.py prints the tables of docs/results/quantised
Time        about 65 minutes on one idle core (estimated): 45 for one chip each, 20 for retraining;
            30 for each further chip
Expect      no defence that the adaptive attack leaves standing; the naive one will say otherwise

In software and on crossbars. Networks retrained for QUANOS learn for one epoch over the training
images (`BUDGET`). quick: chip 0, 500 images. paper: five chips, all test images.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

import wordline as wl
from wordline.quantisation import QuantisedForward
from wordline.records.record import Record, describe_attack
from wordline.runs import (
    AbstractCell,
    CellResult,
    FineTunedNetwork,
    Images,
    Journal,
    Loader,
    PretrainedNetwork,
    Study,
)
from wordline.text import markdown_table
from wordline.training import OneCycle, Recipe

OUT = Path("docs/results/quantised/records.jsonl")
MODELS = {"resnet10-cifar10": "resnet10", "vgg8-half-cifar10": "vgg8-half"}
RULE = wl.BitRule(mean_bits=5.0)
CALIBRATION = 500  # training images on which ANS and ranges of activations are measured
BUDGET = Recipe(epochs=1, schedule=OneCycle(peak_lr=0.01))  # of retraining
CROSSBAR = "rethinking-16"
PLACES = {
    "software": None,
    f"{CROSSBAR}, least-squares": wl.Crossbar.preset(CROSSBAR, gain=wl.LeastSquaresGain()),
    f"{CROSSBAR}, unit": wl.Crossbar.preset(CROSSBAR, gain=wl.UnitGain()),
}
BEFORE, INSIDE = "pixels, before the attack", "pixels, in the model"
QUANOS, RETRAINED = "QUANOS", "QUANOS, retrained"
DEFENCES = (
    "full precision", QUANOS, RETRAINED,
    *(f"{bits}-bit {where}" for where in (BEFORE, INSIDE) for bits in (8, 4, 2)),
)  # fmt: skip
ATTACKS = (
    *(wl.FGSM(eps=eps, loss="cross-entropy") for eps in (8 / 255, 0.1, 0.3)),
    wl.PGD(eps=8 / 255, steps=10, step_size=2 / 255, early_stop=True),
)


@dataclass(frozen=True, kw_only=True)
class DefenceCell(AbstractCell):
    """A network with a defence, in software or on a chip, under one attack.

    The naive attack is made on the same network without the gradient of its roundings. Pixels of
    few bits before the attack are the data's; in the model they are the network's first layer.
    """

    model: str
    place: str
    defence: str
    attack: wl.AbstractAttack
    images: Images
    naive: bool = False
    chip_seed: int = 0

    @property
    def label(self) -> str:
        """Defence and place."""
        return f"{self.defence}, {self.place}"

    def run(self, loader: Loader) -> CellResult:
        """Attack and score."""
        key = (self.model, self.place, self.chip_seed, self.defence)
        if loader.memory.get("defended", (None,))[0] != key:
            loader.memory["defended"] = key, self._victim(loader)
        victim = loader.memory["defended"][1]
        split = self.images.load(loader)
        if self.defence.endswith(BEFORE):
            split = wl.discretise(split, self._bits)
        record = wl.evaluate(
            victim=victim, source=wl.without_gradient(victim) if self.naive else victim,
            attack=self.attack, data=split, batch_size=self.batch_size,
        )  # fmt: skip
        return CellResult(self, record)

    @property
    def _bits(self) -> int:
        return int(self.defence.split("-")[0])

    def _victim(self, loader: Loader) -> nn.Module:
        """Put the network where it runs; a chip's cells match the bits of a quantised one."""
        key = ("defended", self.model, self.defence)
        if key not in loader.memory:
            loader.memory[key] = self._network(loader)
        network, crossbar = loader.memory[key], PLACES[self.place]
        if crossbar is None:
            return network
        quantised = self.defence in (QUANOS, RETRAINED)
        overrides = wl.matching(network, crossbar) if quantised else ()
        return wl.map_model(network, crossbar, self.chip_seed, overrides=overrides)

    def _network(self, loader: Loader) -> nn.Module:
        start = PretrainedNetwork(self.model)
        software = start.load(loader)
        if self.defence.endswith(INSIDE):
            return wl.Discretised(software, self._bits)
        if self.defence not in (QUANOS, RETRAINED):
            return software
        train = loader.data("cifar10").train
        key = ("bits", self.model)
        if key not in loader.memory:
            _, loader.memory[key] = wl.quanos(software, train, rule=RULE, limit=CALIBRATION)
        bits = loader.memory[key]
        if self.defence == RETRAINED:
            recipe = replace(BUDGET, forward=QuantisedForward(bits.layers))
            tuned = FineTunedNetwork(MODELS[self.model], "cifar10", recipe, start=start)
            software = tuned.load(loader)
        return wl.quantised_as(software, bits, train.take(CALIBRATION))


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Return all rows."""
    paper = scale == "paper"
    return tuple(_cells(5 if paper else 1, Images("cifar10", limit=0 if paper else 500)))


def _cells(chips: int, images: Images) -> Iterator[DefenceCell]:
    """Yield all rows; a naive attack only where the model rounds, which an attack could miss."""
    for model in MODELS:
        for place, crossbar in PLACES.items():
            for seed in range(chips if crossbar else 1):
                for defence in DEFENCES:
                    rounds = defence in (QUANOS, RETRAINED) or defence.endswith(INSIDE)
                    for attack in ATTACKS:
                        for naive in (False, True) if rounds else (False,):
                            yield DefenceCell(
                                model=model, place=place, defence=defence, attack=attack,
                                images=images, naive=naive, chip_seed=seed,
                            )  # fmt: skip


def tables(rows: Iterable[CellResult]) -> list[str]:
    """Return Markdown, a table a network and place: CA, and AA under each attack."""
    groups: dict[tuple[str, str], dict[str, dict[tuple[str, bool], list[Record]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for row in rows:
        cell, attacked = row.cell, (describe_attack(row.cell.attack), row.cell.naive)
        groups[cell.model, cell.place][cell.defence][attacked].append(row.result)
    columns = [describe_attack(attack) for attack in ATTACKS]
    lines: list[str] = []
    for (model, place), defences in groups.items():
        some = next(records for row in defences.values() for records in row.values())
        title = f"### {model}, {place}; {some[0].images} images, {len(some)} chip(s)"
        lines += ["", title, ""]
        entries = []
        for defence, found in defences.items():
            clean = _over([record.clean_accuracy for record in next(iter(found.values()))])
            both = [(found.get((name, False), []), found.get((name, True), [])) for name in columns]
            entries.append((defence, clean, *(_adaptive_and_naive(*pair) for pair in both)))
        header = ("defence", "CA %", *(f"AA %, {name}" for name in columns))
        lines += markdown_table(header, entries)
    note = "AA: adaptive (straight-through) attack; in brackets the naive one, "
    return [*lines, "", note + "which sees no gradient."]


def _adaptive_and_naive(*both: list[Record]) -> str:
    words = [_over([r.adversarial_accuracy for r in records]) for records in both if records]
    return f"{words[0]} ({words[1]})" if len(words) == 2 else "".join(words)


def _over(rates: list[float]) -> str:
    """Write a share in percent; mean and deviation over several chips."""
    percent = [100 * rate for rate in rates]
    if len(percent) == 1:
        return f"{percent[0]:.1f}"
    return f"{statistics.mean(percent):.1f} ± {statistics.stdev(percent):.1f}"


STUDY = Study(
    title="Few bits as a defence on CIFAR-10, attacked adaptively",
    reproduces="the questions of Fig. 9, Table III and Fig. 10 of arXiv 2008.11298",
    cells=cells,
    expected="no defence that the adaptive attack leaves standing",
)

if __name__ == "__main__":
    print("\n".join(tables(Journal(OUT, CellResult).results.values())))
