"""Few bits as a defence: pixels of few bits and QUANOS on CIFAR-10, in software and on crossbars, attacked adaptively.

Reproduces  the questions of Fig. 9, Table III and Fig. 10 of arXiv 2008.11298, on other networks and crossbars
Command     python studies/quantised.py --root DIR --out docs/results/quantised.jsonl
Minutes     about 65 on one idle core (estimated): 45 for one chip each, 20 for retraining; 30 for each further chip
Expect      no defence that the adaptive attack leaves standing; the naive one will say otherwise

Every line of the output file is one record with the name of its row. Lines that are there already are not computed
again; without --root the file only prints the table of what is there. Networks retrained for QUANOS (one epoch over the
training images, stated in `BUDGET`) are kept in --models and not trained again.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

import torch
import tyro
from torch import nn

import wordline as wl
from wordline.datasets import ImageData
from wordline.defenses import without_gradient
from wordline.progress import Bar
from wordline.quantisation import QuantisedForward
from wordline.records import BitAssignment
from wordline.records.record import Record, describe_attack
from wordline.training import OneCycle, Recipe

OUT = Path("docs/results/quantised.jsonl")
MODELS = {"resnet10-cifar10": "resnet10", "vgg8-half-cifar10": "vgg8-half"}
RULE = wl.BitRule(mean_bits=5.0)
CALIBRATION = 500  # training images that ANS and ranges of activations are measured on
BUDGET = Recipe(epochs=1, schedule=OneCycle(peak_lr=0.01))  # what retraining may cost
CROSSBAR = "rethinking-16"
PLACES = {
    "software": None,
    f"{CROSSBAR}, least-squares": wl.Crossbar.preset(CROSSBAR, gain=wl.LeastSquaresGain()),
    f"{CROSSBAR}, unit": wl.Crossbar.preset(CROSSBAR, gain=wl.UnitGain()),
}
PIXELS = (8, 4, 2)
DEFENCES = (
    "full precision", "QUANOS", "QUANOS, retrained",
    *(f"{bits}-bit pixels, before the attack" for bits in PIXELS),
    *(f"{bits}-bit pixels, in the model" for bits in PIXELS),
)  # fmt: skip
ATTACKS = (
    *(wl.FGSM(eps=eps, loss="cross-entropy") for eps in (8 / 255, 0.1, 0.3)),
    wl.PGD(eps=8 / 255, steps=10, step_size=2 / 255, early_stop=True),
)


@dataclass(frozen=True)
class Case:
    """One row of the table: a network with a defence, somewhere, attacked in one way with one kind of gradient."""

    model: str
    place: str
    seed: int
    defence: str
    attack: wl.AbstractAttack
    naive: bool
    images: int

    @property
    def name(self) -> str:
        """What a line is found by."""
        kind = "naive" if self.naive else "adaptive"
        words = self.model, self.place, str(self.seed), self.defence, kind, str(self.images), self.attack.to_json()
        return " | ".join(words)


def cases(images: int, chips: int) -> Iterator[Case]:
    """All rows; a naive attack only where something is rounded that an attack could fail to see through."""
    for model in MODELS:
        for place, crossbar in PLACES.items():
            for seed in range(chips if crossbar else 1):
                for defence in DEFENCES:
                    for attack in ATTACKS:
                        for naive in (False, True) if _rounds(defence) else (False,):
                            yield Case(model, place, seed, defence, attack, naive, images)


def _rounds(defence: str) -> bool:
    return defence.startswith("QUANOS") or defence.endswith("in the model")


class Bench:
    """Networks and images that several rows share, made once."""

    def __init__(self, root: str, kept: Path) -> None:
        self.data, self.kept = wl.load_dataset("cifar10", root), kept
        self._networks: dict[tuple[str, str], nn.Module] = {}
        self._assigned: dict[str, BitAssignment] = {}
        self._victims: dict[tuple[str, str, int, str], nn.Module] = {}

    def run(self, case: Case, batch_size: int) -> Record:
        """One record. The naive attack is made on the same network without the gradient of its roundings."""
        victim = self.victim(case)
        source = without_gradient(victim) if case.naive else victim
        split = self.data.test.take(case.images)
        if case.defence.endswith("before the attack"):
            split = wl.discretise(split, _bits(case.defence))
        return wl.evaluate(victim=victim, source=source, attack=case.attack, data=split, batch_size=batch_size)

    def victim(self, case: Case) -> nn.Module:
        """The network where it runs; cells match its bits where it has few."""
        key = case.model, case.place, case.seed, case.defence
        if key not in self._victims:
            network, crossbar = self.network(case.model, case.defence), PLACES[case.place]
            if crossbar is not None:
                overrides = wl.matching(network, crossbar) if case.defence.startswith("QUANOS") else ()
                network = wl.map_model(network, crossbar, case.seed, overrides=overrides)
            self._victims = {key: network}  # rows of one victim follow each other
        return self._victims[key]

    def network(self, model: str, defence: str) -> nn.Module:
        """A software network with its defence."""
        if (model, defence) not in self._networks:
            self._networks[model, defence] = self._make(model, defence)
        return self._networks[model, defence]

    def _make(self, model: str, defence: str) -> nn.Module:
        software = wl.load_model(model)
        if defence.endswith("in the model"):
            return wl.Discretised(software, _bits(defence))
        if not defence.startswith("QUANOS"):
            return software
        images, bits = self.data.train.take(CALIBRATION), self.assigned(model, software)
        start = retrained(model, software, bits, self.data, self.kept) if defence.endswith("retrained") else software
        return wl.quantised_as(start, bits, images)

    def assigned(self, model: str, software: nn.Module) -> BitAssignment:
        """The bits of a network, which its retraining keeps."""
        if model not in self._assigned:
            _, self._assigned[model] = wl.quanos(software, self.data.train, rule=RULE, limit=CALIBRATION)
            print(f"{model}\n{self._assigned[model]}\nmean {self._assigned[model].mean:.2f} bits\n")
        return self._assigned[model]


def retrained(model: str, software: nn.Module, bits: BitAssignment, data: ImageData, kept: Path) -> nn.Module:
    """The software network after its weights have learnt from the rounding, for one budget."""
    name = f"{model}-quanos"
    if not (kept / f"{name}.safetensors").is_file():
        recipe = replace(BUDGET, forward=QuantisedForward(bits.layers))
        wl.training.train(MODELS[model], data, recipe, kept, initial=software, name=name, progress=Bar())
    return wl.load_model(kept / f"{name}.safetensors")


def _bits(defence: str) -> int:
    return int(defence.split("-")[0])


def main(
    root: str = "", out: Path = OUT, only: str = "", images: int = 500, chips: int = 1, batch_size: int = 100,
    threads: int = 1, models: Path = Path("runs/models"),
) -> None:  # fmt: skip
    """Compute what is missing in `out`, then print the table.

    Args:
        root: folder of CIFAR-10; without it nothing is computed.
        only: rows whose name holds this text.
        images: the first so many test images.
        chips: samples of each crossbar, seeds from 0; at least 5 for a published figure.
        threads: part of the conditions of float rounding.
        models: folder of the retrained networks.
    """
    torch.set_num_threads(threads)
    done = _read(out)
    wanted = [case for case in cases(images, chips) if only in case.name]
    missing = [case for case in wanted if case.name not in done]
    if root and missing:
        bench = Bench(root, models)
        with Bar().task("quantised", len(missing)) as advance:
            for case in missing:
                record = done[case.name] = bench.run(case, batch_size)
                with out.open("a") as file:
                    file.write(json.dumps({"name": case.name, "record": json.loads(record.to_json())}) + "\n")
                advance(1, f"{case.defence}, {case.place}: AA {record.adversarial_accuracy:.1%}")
    print("\n".join(tables([(case, done[case.name]) for case in wanted if case.name in done])))


def _read(out: Path) -> dict[str, Record]:
    lines = [json.loads(line) for line in out.read_text().splitlines()] if out.is_file() else []
    return {line["name"]: Record.from_json(json.dumps(line["record"])) for line in lines}


def tables(rows: list[tuple[Case, Record]]) -> list[str]:
    """Markdown, one table a network and place: CA, and AA under each attack, adaptive and naive."""
    groups: dict[tuple[str, str], dict[str, dict[tuple[str, bool], list[Record]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for case, record in rows:
        groups[case.model, case.place][case.defence][describe_attack(case.attack), case.naive].append(record)
    columns = [describe_attack(attack) for attack in ATTACKS]
    lines: list[str] = []
    for (model, place), defences in groups.items():
        some = next(records for row in defences.values() for records in row.values())
        lines += ["", f"### {model}, {place}; {some[0].images} images, {len(some)} chip(s)", ""]
        lines += [f"| defence | CA % | {' | '.join(f'AA %, {name}' for name in columns)} |"]
        lines += ["|---" * (len(columns) + 2) + "|"]
        for defence, found in defences.items():
            clean = next(iter(found.values()))
            cells = [_both(found.get((name, False), []), found.get((name, True), [])) for name in columns]
            lines.append(f"| {defence} | {_over([r.clean_accuracy for r in clean])} | {' | '.join(cells)} |")
    return [*lines, "", "AA: adaptive (straight-through) attack; in brackets the naive one, which sees no gradient."]


def _both(adaptive: list[Record], naive: list[Record]) -> str:
    words = [_over([record.adversarial_accuracy for record in records]) for records in (adaptive, naive) if records]
    return f"{words[0]} ({words[1]})" if len(words) == 2 else "".join(words)


def _over(rates: list[float]) -> str:
    """A share in percent; mean and deviation over several chips."""
    percent = [100 * rate for rate in rates]
    return f"{mean(percent):.1f} ± {stdev(percent):.1f}" if len(percent) > 1 else f"{percent[0]:.1f}"


if __name__ == "__main__":
    tyro.cli(main)
