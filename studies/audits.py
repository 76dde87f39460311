"""Is the gain of arXiv 2008.11298 real on our chips? The audit, on digits and on CIFAR-10, with its controls.

Reproduces  nothing printed: it doubts Tables I and II
Command     python studies/audits.py --root DIR --out docs/results/audits.jsonl
Minutes     about 10 for digits and 140 for CIFAR-10 on one core shared with other jobs; a quiet machine was not timed
Expect      no AL advantage that outlives a least-squares gain

Every line of the output file is one finished audit. Lines that are there already are not computed again; without --root
only digits are audited, and `--only nothing` prints the tables of what is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro

import wordline as wl
from wordline.progress import Bar
from wordline.records import Audit
from wordline.records.record import Estimate, fraction

OUT = Path("docs/results/audits.jsonl")
PAPER = wl.Budget(
    steps=10, restarts=1, targets=0, loss="cross-entropy", random=50, square=300, hop=8, hard_label=20, probes=40,
    binarized=20,
)  # fmt: skip
"""What the paper ran, ten steps of cross-entropy from one start, doubted as hard as a quick audit doubts."""


@dataclass(frozen=True)
class Case:
    """One audit: whose chip, at which radius, looked at how hard."""

    model: str
    data: str
    crossbar: str
    gain: str
    eps: float
    limit: int
    budget: str

    @property
    def name(self) -> str:
        """What a line is found by."""
        return f"{self.data} {self.crossbar} {self.gain} {fraction(self.eps)} {self.budget} {self.limit}"


BUDGETS = {"quick": wl.Budget.quick(), "paper": PAPER}
GAINS = {"unit": wl.UnitGain(), "least-squares": wl.LeastSquaresGain()}


def cases() -> Iterator[Case]:
    """Digits and CIFAR-10 with the budget of a quick audit, all checks asked; and with the paper's attack."""
    for gain in GAINS:
        for size in (16, 32, 64):
            yield Case("digits-cnn", "digits", f"rethinking-{size}", gain, 8 / 255, 500, "quick")
    for budget, eps, sizes, limit in (
        ("quick", 2 / 255, (64, 16), 200), ("quick", 8 / 255, (64, 16), 100), ("paper", 8 / 255, (64,), 100),
    ):  # fmt: skip
        for size in sizes:
            for gain in GAINS:
                yield Case("vgg8-half-cifar10", "cifar10", f"rethinking-{size}", gain, eps, limit, budget)


def run(case: Case, root: str) -> Audit:
    """Map chip 0 and audit it; calibration images are training images, whose labels nobody reads."""
    software, data = wl.load_model(case.model), wl.load_dataset(case.data, root if case.data != "digits" else "")
    chip = wl.map_model(software, wl.Crossbar.preset(case.crossbar, gain=GAINS[case.gain]), seed=0)
    return wl.audit(
        chip=chip, software=software, data=data.test, eps=case.eps, limit=case.limit, budget=BUDGETS[case.budget],
        calibration=data.train.take(1000), batch_size=100, progress=Bar(),
    )  # fmt: skip


def main(root: str = "", out: Path = OUT, only: str = "", threads: int = 1) -> None:
    """Audit what is missing in `out`, then print the tables.

    Args:
        root: folder of CIFAR-10; without it only digits are audited.
        only: audits whose name holds this text.
        threads: part of the conditions of float rounding.
    """
    torch.set_num_threads(threads)
    lines = [json.loads(line) for line in out.read_text().splitlines()] if out.is_file() else []
    done = {line["name"]: Audit.from_json(json.dumps(line["audit"])) for line in lines}
    for case in cases():
        if case.name in done or only not in case.name or (case.data != "digits" and not root):
            continue
        done[case.name] = run(case, root)
        with out.open("a") as file:
            file.write(json.dumps({"name": case.name, "audit": json.loads(done[case.name].to_json())}) + "\n")
    print("\n".join(tables([(case, done[case.name]) for case in cases() if case.name in done])))


def tables(audits: Iterable[tuple[Case, Audit]]) -> list[str]:
    """Markdown: verdicts, then the controls of each audit."""
    audits = list(audits)
    lines = ["### Verdicts", ""]
    columns = "data", "crossbar", "gain", "eps", "budget", "CA SW", "CA", "AA SW", "AA", "worst", "raised", "verdict"
    lines += [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for case, audit in audits:
        raised = [check.id for check in audit.checks if check.status == "fail"]
        warned = [f"({check.id})" for check in audit.checks if check.status == "warn"]
        numbers = (audit.software_clean, audit.clean, audit.software_attacked, audit.attacked, audit.worst)
        lines.append(
            f"| {case.data} | {case.crossbar} | {case.gain} | {fraction(case.eps)} | {case.budget} | "
            + " | ".join(_percent(number) for number in numbers)
            + f" | {' '.join(raised + warned) or '-'} | {audit.verdict} |"
        )
    lines += ["", "### Controls", ""]
    for case, audit in audits:
        lines += [f"**{case.name.replace(f' {case.limit}', '')}, {audit.images} images**", ""]
        lines += ["| network | CA | AA | AL | AL advantage | AA gain | remains |", "|---" * 7 + "|"]
        for row in audit.comparisons:
            numbers = (row.clean, row.adversarial, row.loss, row.advantage, row.robust)
            cells = [_percent(number) for number in numbers] + [f"{100 * row.remains:.0f} %"]
            lines.append(f"| {row.name} | {' | '.join(cells if row.measured else [row.note] + [''] * 5)} |")
        lines.append("")
    return lines


def _percent(number: Estimate) -> str:
    return f"{100 * number.value:.1f} [{100 * number.low:.1f}, {100 * number.high:.1f}]"


if __name__ == "__main__":
    tyro.cli(main)
