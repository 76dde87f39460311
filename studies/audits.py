"""Audits of chips on the digits and on CIFAR-10: is the gain of arXiv 2008.11298 real on ours?

Reproduces  nothing printed: it questions Tables I and II
Command     wordline study studies/audits.py --root DIR --out docs/results/audits; then python
            studies/audits.py prints the tables of docs/results/audits
Time        about 10 minutes for the digits and 140 for CIFAR-10 on one core shared with other jobs
Expect      no AL advantage that remains with a least-squares gain

quick: chip 0. paper: five chips. Calibration images are training images, whose labels are not used.
"""

from collections.abc import Iterable
from pathlib import Path

import wordline as wl
from wordline.records import Audit
from wordline.records.record import fraction
from wordline.runs import AbstractCell, AuditCell, Images, Journal, PretrainedNetwork, Study
from wordline.text import markdown_table

OUT = Path("docs/results/audits/records.jsonl")
QUICK = wl.Budget.quick()
PAPER = wl.Budget(
    steps=10, restarts=1, targets=0, loss="cross-entropy", random=50, square=300, hop=8,
    hard_label=20, probes=40, binarized=20,
)  # fmt: skip
"""The paper's attack, ten steps of cross-entropy from one start; checks of a quick audit."""
GAINS = {"unit": wl.UnitGain(), "least-squares": wl.LeastSquaresGain()}
NAMES = {type(gain): name for name, gain in GAINS.items()}
ROUNDS = (  # model, data, budget, eps, tiles, images
    ("digits-cnn", "digits", QUICK, 8 / 255, (16, 32, 64), 500),
    ("vgg8-half-cifar10", "cifar10", QUICK, 2 / 255, (64, 16), 200),
    ("vgg8-half-cifar10", "cifar10", QUICK, 8 / 255, (64, 16), 100),
    ("vgg8-half-cifar10", "cifar10", PAPER, 8 / 255, (64,), 100),
)


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Return the audits of the digits gain by gain, then those of CIFAR-10 tile by tile."""
    found = []
    for model, data, budget, eps, tiles, limit in ROUNDS:
        chips = [(size, gain) for size in tiles for gain in GAINS]
        if data == "digits":
            chips = [(size, gain) for gain in GAINS for size in tiles]
        found += [
            AuditCell(
                network=PretrainedNetwork(model), images=Images(data, limit=limit),
                unseen=Images(data, "train", 1000), eps=eps, budget=budget, chip_seed=seed,
                crossbar=wl.Crossbar.preset(f"rethinking-{size}", gain=GAINS[gain]),
            )
            for size, gain in chips for seed in range(5 if scale == "paper" else 1)
        ]  # fmt: skip
    return tuple(found)


def tables(audits: Iterable[Audit]) -> list[str]:
    """Return Markdown: verdicts, then the controls of each audit."""
    audits = list(audits)
    entries = []
    for audit in audits:
        raised = [check.id for check in audit.checks if check.status == "fail"]
        raised += [f"({check.id})" for check in audit.checks if check.status == "warn"]
        shares = (
            audit.software_clean, audit.clean, audit.software_attacked, audit.attacked, audit.worst,
        )  # fmt: skip
        entries.append((*names(audit), *shares, " ".join(raised) or "-", audit.verdict))
    header = "data", "crossbar", "gain", "eps", "budget", "CA SW", "CA", "AA SW", "AA", "worst"
    lines = ["### Verdicts", "", *markdown_table((*header, "raised", "verdict"), entries)]
    lines += ["", "### Controls", ""]
    header = "network", "CA", "AA", "AL", "AL advantage", "AA gain", "remains"
    for audit in audits:
        entries = []
        for row in audit.comparisons:
            shares = (row.clean, row.adversarial, row.loss, row.advantage, row.robust)
            measured = (*shares, f"{100 * row.remains:.0f} %")
            entries.append((row.name, *(measured if row.measured else (row.note, *[""] * 5))))
        lines += [f"**{' '.join(names(audit))}, {audit.images} images**", ""]
        lines += [*markdown_table(header, entries), ""]
    return lines


def names(audit: Audit) -> tuple[str, str, str, str, str]:
    """Return data, crossbar, gain, eps and budget of an audit in words."""
    crossbar = audit.chip.crossbar
    size, gain = crossbar.tile[0], NAMES[type(crossbar.gain)]
    budget = "quick" if audit.budget == QUICK else "paper"
    return audit.data, f"rethinking-{size}", gain, fraction(audit.eps), budget


STUDY = Study(
    title="Audits of chips on the digits and on CIFAR-10",
    reproduces="nothing printed; questions Tables I and II of arXiv 2008.11298",
    cells=cells,
    expected="no advantage in AL that remains with a least-squares gain",
)

if __name__ == "__main__":
    print("\n".join(tables(Journal(OUT, Audit).results.values())))
