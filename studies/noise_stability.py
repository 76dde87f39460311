"""Noise stability and robustness of adversarially trained networks on chips (arXiv 2109.09060).

Reproduces  clean accuracy in software and on chips, SNR per layer, and the gain over software for
            every (eps_train, eps_attack), transfer and white-box, of ResNet-10 on CIFAR-10; on our
            presets, with the audit's verdict
Command     wordline study studies/noise_stability.py --root DIR --out
            docs/results/noise-stability/networks; then python studies/noise_stability.py prints the
            tables of that folder
Time        per network and core: clean and stability 2 minutes, transfer 3, white 10, puma-clean
            25, puma-transfer 100, puma-white 240 at most; reckoned from 1.4 ms a PGD step of an
            image on software and rethinking chips, 1 s a pass and 3.4 s a step on PUMA chips;
            audits not timed
Expect      the paper: adversarially trained networks have lower SNR and lose twice the accuracy;
            5-10 % gain where eps_attack > eps_train

Attacks are PGD with cross-entropy, the paper's, at step 1/255. quick: the four networks that ship,
500 images, PGD of 50 steps, and of 10 steps white-box on PUMA chips. paper: all test images, 50
steps.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn

import wordline as wl
from wordline.evaluation import craft
from wordline.models import correct
from wordline.records import Audit, Correctness, NoiseStability, paired_difference, wilson
from wordline.records.record import Estimate
from wordline.runs import (
    AbstractCell,
    CellResult,
    Images,
    Journal,
    Loader,
    PretrainedNetwork,
    Study,
)
from wordline.text import markdown_table

OUT = Path("docs/results/noise-stability/networks/records.jsonl")
NETWORKS = {
    "vanilla": PretrainedNetwork("resnet10-cifar10"),
    **{f"eps{e}": PretrainedNetwork(f"resnet10-cifar10-fgsm-rs-{e}") for e in (2, 4, 8)},
}
GAINS = {"unit": wl.UnitGain(), "least-squares": wl.LeastSquaresGain()}
RETHINKING = tuple(f"rethinking-{size} {gain}" for size in (16, 64) for gain in GAINS)
PUMA = tuple(f"puma-{name} unit" for name in ("32x32-100k", "64x64-100k", "64x64-300k"))
RADII = (2, 4, 6, 8)  # eps_attack, in 255ths
SOFTWARE, ITSELF, IDEAL = "software", "itself", "ideal backward"  # sources of images


@dataclass(frozen=True, kw_only=True)
class NetworkCell(AbstractCell):
    """One network, its victim, and the images made for it: answers, a stability or an audit.

    `source`: the network on which the images are crafted; `eps` in 255ths, 0 for clean images.
    """

    part: str
    network: str
    victim: str
    images: Images
    eps: int = 0
    source: str = "clean"
    steps: int = 0

    @property
    def label(self) -> str:
        """Part, network, victim and radius."""
        return f"{self.part} {self.network} on {self.victim} {self.eps}/255"

    def run(self, loader: Loader) -> CellResult:
        """Ask the victim, or audit it."""
        software, victim = NETWORKS[self.network].load(loader), self._network(loader, self.victim)
        split, size = self.images.load(loader), self.batch_size
        result: Correctness | NoiseStability | Audit
        if self.part == "stability":
            pair = {"software": software, "chip": victim}
            result = wl.noise_stability(**pair, data=split, batch_size=size)
        elif self.part == "audit":
            result = wl.audit(
                chip=victim, software=software, data=split, eps=self.eps / 255,
                budget=wl.Budget.quick(), calibration=loader.data("cifar10").train.take(1000),
                batch_size=size,
            )  # fmt: skip
        else:
            images = self._crafted(loader) if self.eps else split.images
            hits = correct(victim, images, split.labels, batch_size=size)
            result = Correctness.of(hits.tolist())
        return CellResult(self, result)

    def _network(self, loader: Loader, name: str, ideal: bool = False) -> nn.Module:
        software = NETWORKS[self.network].load(loader)
        if name == SOFTWARE:
            return software

        kind, key = "ideal" if ideal else "chip", (self.network, name)
        if loader.memory.get(kind, (None,))[0] != key:
            preset, gain = name.rsplit(" ", 1)
            crossbar = wl.Crossbar.preset(preset, gain=GAINS[gain])
            array = wl.IdealBackward(crossbar.array) if ideal else crossbar.array
            made = wl.map_model(software, replace(crossbar, array=array))
            loader.memory[kind] = key, made
        return loader.memory[kind][1]

    def _crafted(self, loader: Loader) -> Tensor:
        """Craft the images; those crafted on software serve every victim."""
        white, split = self.source != SOFTWARE, self.images.load(loader)
        attack = wl.PGD(
            eps=self.eps / 255, steps=self.steps, step_size=1 / 255, loss="cross-entropy",
            early_stop=white,
        )  # fmt: skip
        name, size = self.victim if white else SOFTWARE, self.batch_size if white else 100
        source = self._network(loader, name, ideal=self.source == IDEAL)
        if white:
            return craft(source, attack, split, batch_size=size)
        key = (self.network, attack, self.images)
        if key not in loader.memory:
            loader.memory[key] = craft(source, attack, split, batch_size=size)
        return loader.memory[key]


Hits = dict[NetworkCell, tuple[bool, ...]]


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Return everything about one network after another, cheap parts first."""
    return tuple(cell for name in NETWORKS for cell in _cells(name, scale == "paper"))


def _cells(network: str, paper: bool) -> Iterator[NetworkCell]:
    many, steps = 0 if paper else 500, 50

    def cell(part: str, victim: str, limit: int, *attacked: int | str) -> NetworkCell:
        eps, source, count = attacked or (0, "clean", 0)
        size = 25 if "puma" in victim else 100
        return NetworkCell(
            part=part, network=network, victim=victim, images=Images("cifar10", limit=limit),
            eps=eps, source=source, steps=count, batch_size=size,
        )  # fmt: skip

    yield from (cell("clean", victim, many) for victim in (SOFTWARE, *RETHINKING))
    yield from (cell("stability", victim, 200) for victim in RETHINKING)
    yield cell("stability", PUMA[0], 20)
    for eps in RADII:
        for victim in (SOFTWARE, *RETHINKING):
            yield cell("transfer", victim, many, eps, SOFTWARE, steps)
        for victim in RETHINKING:
            yield cell("white", victim, many, eps, ITSELF, steps)
    yield from (cell("puma-clean", victim, many) for victim in PUMA)
    for victim in PUMA:
        yield from (cell("puma-transfer", victim, many, e, SOFTWARE, steps) for e in RADII)
    for eps in RADII if paper else (8,):
        for victim, source in ((SOFTWARE, SOFTWARE), (PUMA[0], ITSELF), (PUMA[0], IDEAL)):
            yield cell("puma-white", victim, 50, eps, source, steps if paper else 10)
    for victim in RETHINKING if paper else (RETHINKING[3], RETHINKING[1]):
        yield cell("audit", victim, 200, 8, ITSELF, 0)


def tables(rows: Iterable[CellResult]) -> list[str]:
    """Return Markdown of the rows."""
    rows = list(rows)
    hits = {row.cell: tuple(row.result) for row in rows if isinstance(row.result, Correctness)}
    entries = []
    for cell in (cell for cell in hits if cell.eps == 0):
        beside, own = _software(hits, cell), hits[cell]
        lost = _paired(beside, own) if beside and cell.victim != SOFTWARE else ""
        share = wilson(sum(own), len(own))
        entries.append((cell.network, f"{cell.victim}, {len(own)} images", share, lost))
    header = ("network", "victim", "CA %", "lost against software")
    lines = ["### Clean accuracy", "", *markdown_table(header, entries)]
    measured = [row for row in rows if isinstance(row.result, NoiseStability)]
    for victim in dict.fromkeys(row.cell.victim for row in measured):
        found = {row.cell.network: row.result for row in measured if row.cell.victim == victim}
        first, each = next(iter(found.values())), found.values()
        entries = [
            (layer.title, *(f"{result.layers[index].snr_db:.1f}" for result in each))
            for index, layer in enumerate(first.layers)
        ]
        entries.append(("logits", *(f"{result.logits.snr_db:.1f}" for result in each)))
        lines += ["", f"### SNR, dB, on {victim}, {first.images} images", ""]
        lines += markdown_table(("layer", *found), entries)
    lines += gains(hits, list(dict.fromkeys(row.cell.network for row in rows)))
    entries = []
    for row in rows:
        if isinstance(a := row.result, Audit):
            shares = (a.software_clean, a.clean, a.software_attacked, a.attacked, a.worst)
            raised = " ".join(check.id for check in a.checks if check.status == "fail")
            entries.append((row.cell.network, row.cell.victim, *shares, raised or "-", a.verdict))
    header = ("network", "chip", "CA SW", "CA", "AA SW", "AA", "worst", "raised", "verdict")
    return [*lines, "", "### Audits", "", *markdown_table(header, entries)]


def gains(hits: Hits, networks: list[str]) -> list[str]:
    """Return AA of each chip, and its paired difference to software under as many steps."""
    lines: list[str] = []
    attacked = [cell for cell in hits if cell.eps and cell.victim != SOFTWARE]
    for setting in dict.fromkeys(map(_setting, attacked)):
        part, victim, source, steps, images = setting
        title = f"### {part}: {victim}, crafted on {source}, {steps} steps, {images} images"
        found = {(c.network, c.eps): _gain(hits, c) for c in attacked if _setting(c) == setting}
        entries = [(name, *(found.get((name, eps), "") for eps in RADII)) for name in networks]
        lines += ["", f"{title}: AA %, gain over software", ""]
        lines += markdown_table(("network", *(f"{eps}/255" for eps in RADII)), entries)
    return lines


def _setting(cell: NetworkCell) -> tuple[str, str, str, int, int]:
    return cell.part, cell.victim, cell.source, cell.steps, cell.images.count


def _gain(hits: Hits, cell: NetworkCell) -> str:
    own, beside = hits[cell], _software(hits, cell)
    share = f"{100 * sum(own) / len(own):.1f}"
    return share + (f", {_paired(own, beside)}" if beside else "")


def _software(hits: Hits, cell: NetworkCell) -> tuple[bool, ...]:
    """Return software's answers to the same number of images, at the same radius and steps."""
    for other, answers in hits.items():
        same = (other.network, other.victim, other.eps) == (cell.network, SOFTWARE, cell.eps)
        if same and other.steps == cell.steps and len(answers) >= cell.images.count:
            return answers[: cell.images.count]
    return ()


def _paired(first: tuple[bool, ...], second: tuple[bool, ...]) -> Estimate:
    pairs = list(zip(first, second, strict=True))
    return paired_difference(pairs.count((True, False)), pairs.count((False, True)), len(pairs))


STUDY = Study(
    title="Noise stability and robustness of adversarially trained networks",
    reproduces="arXiv 2109.09060, on other presets",
    cells=cells,
    expected="published: lower SNR and twice the loss; 5-10 % gain where eps_attack > eps_train",
)

if __name__ == "__main__":
    print("\n".join(tables(Journal(OUT, CellResult).results.values())))
