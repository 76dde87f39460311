"""Noise stability and robustness of vanilla and adversarially trained networks on crossbars (arXiv 2109.09060).

Reproduces  clean accuracy in software and on chips, SNR per layer, and the gain over software for every (eps_train,
            eps_attack), transfer and white-box, of ResNet-10 on CIFAR-10; on our presets, with the audit's verdict
Command     python studies/noise_stability.py --root DIR --only clean stability      (parts: clean stability transfer
            white puma-clean puma-transfer puma-white audit; other networks by --model NAME=FILE)
Minutes     a network, one core, reckoned from 1.4 ms a PGD step of an image on software and rethinking chips, and 1 s a
            pass and 3.4 s a step of an image on PUMA chips: clean and stability 2, transfer 3, white 10, puma-clean 25,
            puma-transfer 100, puma-white 240 at most; audit not measured
Expect      the paper: adversarially trained networks have lower SNR and lose twice the accuracy; 5-10 % gain where
            eps_attack > eps_train

Every line of the output file is one finished row: what one victim answered to one set of images, image by image, or one
stability, or one audit. Lines that are there already are not computed again, so the study runs in pieces; without
--only it prints the tables of what is there. Attacks are PGD with cross-entropy, the paper's, at step 1/255.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro
from torch import Tensor, nn

import wordline as wl
from wordline.evaluation import craft
from wordline.evaluation.score import correct, versions
from wordline.fingerprints import fingerprint
from wordline.progress import Bar
from wordline.records import paired_difference, wilson
from wordline.records.record import Estimate

SHIPPED = ("vanilla=resnet10-cifar10", *(f"eps{e}=resnet10-cifar10-fgsm-rs-{e}" for e in (2, 4, 8)))
OUT = Path("docs/results/noise-stability.jsonl")
PARTS = ("clean", "stability", "transfer", "white", "puma-clean", "puma-transfer", "puma-white", "audit")
Part = Literal["clean", "stability", "transfer", "white", "puma-clean", "puma-transfer", "puma-white", "audit"]
GAINS = {"unit": wl.UnitGain(), "least-squares": wl.LeastSquaresGain()}
RETHINKING = tuple(f"rethinking-{size} {gain}" for size in (16, 64) for gain in GAINS)
PUMA = tuple(f"puma-{name} unit" for name in ("32x32-100k", "64x64-100k", "64x64-300k"))
RADII = (2, 4, 6, 8)  # eps_attack, in 255ths
SOFTWARE = "software"


@dataclass(frozen=True)
class Settings:
    """What is run.

    Args:
        model: NAME=FILE, repeated: a .safetensors file with its card, or a network that ships with wordline;
            none takes those four that ship.
        only: parts to run; none prints tables only.
        images: test images of everything but PUMA.
        steps: of PGD at 1/255 a step; the paper's are 50.
        puma_images: test images for PUMA's clean accuracy and transfer.
        puma_transfer: presets that are shown the transferred images.
        puma_preset: the one that is attacked white-box, at `puma_radii`.
        puma_steps: white-box steps there.
        threads: part of the conditions of float rounding.
    """

    model: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    data: str = "cifar10"
    root: str = ""
    out: Path = OUT
    only: tuple[Part, ...] = ()
    images: int = 500
    stability_images: int = 200
    puma_stability_images: int = 20
    steps: int = 50
    puma_images: int = 500
    puma_transfer: tuple[str, ...] = PUMA
    puma_preset: str = PUMA[0]
    puma_radii: tuple[int, ...] = (4, 8)  # in 255ths
    puma_white_images: int = 50
    puma_steps: int = 10
    audit_on: tuple[str, ...] = RETHINKING
    audit_images: int = 200
    batch_size: int = 100
    puma_batch_size: int = 25
    threads: int = 1


@dataclass(frozen=True)
class Case:
    """One row: a network, its victim, and the images made for it."""

    part: str
    network: str
    victim: str
    eps: int  # in 255ths; 0 for clean images
    source: str  # "clean", "software", "itself" or "ideal backward"
    steps: int
    images: int


def cases(s: Settings, network: str) -> Iterator[Case]:
    """Everything that is to be known of one network, cheap parts first."""
    for victim in (SOFTWARE, *RETHINKING):
        yield Case("clean", network, victim, 0, "clean", 0, s.images)
    for victim in RETHINKING:
        yield Case("stability", network, victim, 0, "clean", 0, s.stability_images)
    yield Case("stability", network, s.puma_preset, 0, "clean", 0, s.puma_stability_images)
    for eps in RADII:
        for victim in (SOFTWARE, *RETHINKING):
            yield Case("transfer", network, victim, eps, SOFTWARE, s.steps, s.images)
        for victim in RETHINKING:
            yield Case("white", network, victim, eps, "itself", s.steps, s.images)
    for victim in PUMA:
        yield Case("puma-clean", network, victim, 0, "clean", 0, s.puma_images)
    for victim in s.puma_transfer:
        for eps in RADII:
            yield Case("puma-transfer", network, victim, eps, SOFTWARE, s.steps, s.puma_images)
    for eps in s.puma_radii:
        yield Case("puma-white", network, SOFTWARE, eps, SOFTWARE, s.puma_steps, s.puma_white_images)
        for source in ("itself", "ideal backward"):
            yield Case("puma-white", network, s.puma_preset, eps, source, s.puma_steps, s.puma_white_images)
    for victim in s.audit_on:
        yield Case("audit", network, victim, 8, "itself", 0, s.audit_images)


class Runner:
    """One network, its chips, and the images crafted on it; each made when first asked for."""

    def __init__(self, software: nn.Module, data: wl.datasets.ImageData, s: Settings) -> None:
        self.software, self.data, self.s = software, data, s
        self._held: tuple[str, nn.Module] = (SOFTWARE, software)
        self._crafted: dict[tuple[int, int, int], Tensor] = {}

    def network(self, victim: str, source: str = "itself") -> nn.Module:
        """A victim, or what its images are crafted on; the last chip is kept."""
        if victim == SOFTWARE or source == SOFTWARE:
            return self.software
        name, gain = victim.rsplit(" ", 1)
        crossbar = wl.Crossbar.preset(name, gain=GAINS[gain])
        if source == "ideal backward":
            return wl.map_model(self.software, replace(crossbar, array=wl.IdealBackward(crossbar.array)))
        if self._held[0] != victim:
            self._held = victim, wl.map_model(self.software, crossbar)
        return self._held[1]

    def run(self, case: Case) -> dict[str, Any]:
        """The row of a case."""
        test, size = self.data.test, self.s.puma_batch_size if "puma" in case.victim else self.s.batch_size
        split, chip = test.take(case.images), self.network(case.victim)
        if case.part == "stability":
            found = wl.noise_stability(software=self.software, chip=chip, data=split, batch_size=size, progress=Bar())
            return {"stability": json.loads(found.to_json())}
        if case.part == "audit":
            audit = wl.audit(
                chip=chip, software=self.software, data=split, eps=case.eps / 255, budget=wl.Budget.quick(),
                calibration=self.data.train.take(1000), batch_size=size, progress=Bar(),
            )  # fmt: skip
            return {"audit": json.loads(audit.to_json())}
        images = self.images(case, split, size) if case.eps else split.images
        hits = correct(chip, images, split.labels, batch_size=size)
        return {"hits": "".join(str(int(hit)) for hit in hits), "data": f"{split.name} {split.fingerprint()}"}

    def images(self, case: Case, split: wl.datasets.ImageSplit, size: int) -> Tensor:
        """Adversarial images; those crafted on software serve every victim."""
        white = case.source != SOFTWARE
        attack = wl.PGD(
            eps=case.eps / 255, steps=case.steps, step_size=1 / 255, loss="cross-entropy", early_stop=white
        )
        if white:
            return craft(self.network(case.victim, case.source), attack, split, batch_size=size, progress=Bar())
        key = (case.eps, case.images, case.steps)
        if key not in self._crafted:
            self._crafted[key] = craft(self.software, attack, split, batch_size=self.s.batch_size, progress=Bar())
        return self._crafted[key]


def main(s: Annotated[Settings, tyro.conf.OmitArgPrefixes]) -> None:
    """Run what is missing in `out`, then print the tables."""
    torch.set_num_threads(s.threads)
    chosen = {"puma_transfer": s.puma_transfer, "puma_preset": (s.puma_preset,), "audit_on": s.audit_on}
    for name, given in chosen.items():
        for victim in set(given) - {*RETHINKING, *PUMA}:
            raise SystemExit(f"`{name}` must be of {', '.join((*RETHINKING, *PUMA))}, got {victim!r}")
    for eps in s.puma_radii:
        if not 0 < eps <= 255:
            raise SystemExit(f"`puma_radii` must be above 0 and at most 255, in 255ths, got {eps}")
    rows = [json.loads(line) for line in s.out.read_text().splitlines()] if s.out.is_file() else []
    done = {json.dumps(row["case"]) for row in rows}
    for words in (s.model or SHIPPED) if s.only else ():
        name, _, file = words.partition("=")
        if not file:
            raise SystemExit(f"`model` must be NAME=FILE, got {words!r}")
        runner = Runner(wl.load_model(file), wl.load_dataset(s.data, s.root), s)
        weights = fingerprint(runner.software)
        if any(row["case"]["network"] == name and row["software"] != weights for row in rows):
            raise SystemExit(f"`model` {name!r} has other weights than the rows of that name in {s.out}; rename one")
        for case in cases(s, name):
            if case.part not in s.only or json.dumps(asdict(case)) in done:
                continue
            begun = time.perf_counter()
            row = {"case": asdict(case), **runner.run(case), "software": weights, "threads": s.threads}
            row |= {"seconds": time.perf_counter() - begun, "versions": versions()}
            s.out.parent.mkdir(parents=True, exist_ok=True)
            with s.out.open("a") as out:
                out.write(json.dumps(row) + "\n")
            rows.append(row)
            print(f"{case}: {row['seconds']:.0f} s", flush=True)
    print("\n".join(tables(rows)))


def tables(rows: list[dict[str, Any]]) -> list[str]:
    """Markdown of what is there."""
    hits = {Case(**row["case"]): row["hits"] for row in rows if "hits" in row}
    networks = list(dict.fromkeys(row["case"]["network"] for row in rows))
    lines = ["### Clean accuracy", "", "| network | victim | CA % | lost against software |", "|---" * 4 + "|"]
    for case, answers in hits.items():
        if case.eps == 0:
            beside = _find(hits, case.network, 0, 0, len(answers))
            lost = _paired(beside, answers) if beside and case.victim != SOFTWARE else ""
            share = wilson(answers.count("1"), len(answers))
            lines.append(f"| {case.network} | {case.victim}, {len(answers)} images | {share} | {lost} |")
    for victim in dict.fromkeys(row["case"]["victim"] for row in rows if "stability" in row):
        found = {
            row["case"]["network"]: wl.NoiseStability.from_json(json.dumps(row["stability"]))
            for row in rows if "stability" in row and row["case"]["victim"] == victim
        }  # fmt: skip
        lines += ["", f"### SNR, dB, on {victim}, {next(iter(found.values())).images} images", ""]
        lines += [f"| layer | {' | '.join(found)} |", "|---" * (1 + len(found)) + "|"]
        for index, layer in enumerate(next(iter(found.values())).layers):
            lines.append(f"| {layer.title} | {' | '.join(f'{r.layers[index].snr_db:.1f}' for r in found.values())} |")
        lines.append(f"| logits | {' | '.join(f'{r.logits.snr_db:.1f}' for r in found.values())} |")
    lines += gains(hits, networks)
    columns = "network", "chip", "CA SW", "CA", "AA SW", "AA", "worst", "raised", "verdict"
    lines += ["", "### Audits", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for row in rows:
        if "audit" in row:
            a = wl.Audit.from_json(json.dumps(row["audit"]))
            numbers = (a.software_clean, a.clean, a.software_attacked, a.attacked, a.worst)
            raised = " ".join(check.id for check in a.checks if check.status == "fail")
            cells = row["case"]["network"], row["case"]["victim"], *map(str, numbers), raised or "-", a.verdict
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def gains(hits: dict[Case, str], networks: list[str]) -> list[str]:
    """AA of a chip, and its paired difference to software attacked at the same radius with as many steps."""
    lines: list[str] = []
    settings = dict.fromkeys(
        (c.part, c.victim, c.source, c.steps, c.images) for c in hits if c.eps and c.victim != SOFTWARE
    )
    for part, victim, source, steps, images in settings:
        title = f"### {part}: {victim}, crafted on {source}, {steps} steps, {images} images: AA %, gain over software"
        lines += ["", title]
        lines += ["", f"| network | {' | '.join(f'{eps}/255' for eps in RADII)} |", "|---" * (1 + len(RADII)) + "|"]
        for network in networks:
            cells = []
            for eps in RADII:
                answers = hits.get(Case(part, network, victim, eps, source, steps, images))
                beside = _find(hits, network, eps, steps, images)
                share = "" if answers is None else f"{100 * answers.count('1') / len(answers):.1f}"
                cells.append(share + (f", {_paired(answers, beside)}" if answers and beside else ""))
            lines.append(f"| {network} | {' | '.join(cells)} |")
    return lines


def _find(hits: dict[Case, str], network: str, eps: int, steps: int, images: int) -> str | None:
    """What the software network answered to the first so many images at this radius, after as many steps."""
    for case, answers in hits.items():
        same = (case.network, case.victim, case.eps, case.steps) == (network, SOFTWARE, eps, steps)
        if same and len(answers) >= images:
            return answers[:images]
    return None


def _paired(first: str, second: str) -> Estimate:
    pairs = list(zip(first, second, strict=True))
    return paired_difference(pairs.count(("1", "0")), pairs.count(("0", "1")), len(pairs))


if __name__ == "__main__":
    main(tyro.cli(tyro.conf.OmitArgPrefixes[Settings]))
