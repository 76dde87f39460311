"""The result of an audit: its checks, the controls beside the chip, and the verdict."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Literal

from ..text import render_table
from ..values import Value, require_choice
from .audit_budget import Budget
from .products import NOT_PROBED, Products
from .record import Estimate, NetworkIdentity, describe, fraction

Status = Literal["pass", "warn", "fail", "skipped"]
STATUSES = ("pass", "warn", "fail", "skipped")


@dataclass(frozen=True)
class Check(Value):
    """One check of an audit and its outcome.

    `figures`: the numbers it was decided by, shares in [0, 1]; `found`: one sentence;
    `explanation`: that sentence, when the check is raised, the reason, and the source.
    """

    id: str
    title: str
    status: Status
    figures: dict[str, float] = field(hash=False)
    found: str
    explanation: str

    def __post_init__(self) -> None:
        require_choice("status", self.status, STATUSES)


@dataclass(frozen=True)
class Comparison(Value):
    """A control: a network beside the chip, under the same attack crafted for that network.

    `advantage` = AL(software) - AL(this network), paired; `remains` is its share of the chip's own
    advantage (0 where the chip's advantage is 0 or below), and `robust` = AA(this) - AA(software),
    paired: a gain that no loss of clean accuracy explains. Where the control could not be
    measured, `note` gives the reason and the numbers are zero.
    """

    name: str
    clean: Estimate
    adversarial: Estimate
    loss: Estimate
    advantage: Estimate
    robust: Estimate
    remains: float = 0.0
    note: str = ""
    measured: bool = True


@dataclass(frozen=True)
class Audit(Value):
    """An examination of a claimed robustness: checks in the documentation's order, and a verdict.

    `clean`, `attacked`: accuracy of the chip on clean images and under the base attack; `worst`:
    share of images right under every attack that was run; `products`: of one inference of the
    chip, with the share that arrays compute; `stopped`: empty, or the reason why a quick audit
    ended early (accuracies under attack are then those of one start). `software_clean`,
    `software_attacked`: the software network under the same base attack. Intervals are 95 %.
    """

    verdict: str
    checks: tuple[Check, ...]
    comparisons: tuple[Comparison, ...]
    chip: NetworkIdentity
    software: NetworkIdentity
    eps: float
    budget: Budget
    quick: bool
    stopped: str
    stochastic: bool
    clean: Estimate
    attacked: Estimate
    worst: Estimate
    software_clean: Estimate
    software_attacked: Estimate
    data: str
    fingerprint: str
    images: int
    seed: int
    batch_size: int
    threads: int
    versions: dict[str, str] = field(hash=False)
    products: Products = NOT_PROBED

    def __getitem__(self, id: str) -> Check:
        """Return the check of that id: `audit["G1"]`."""
        found = [check for check in self.checks if check.id == id]
        if not found:
            ids = ", ".join(check.id for check in self.checks)
            raise KeyError(f"`id` must be one of {ids}, got {id!r}")
        return found[0]

    def __str__(self) -> str:
        images = f"{self.images} images of {self.data or 'data'}"
        title = f"audit of {describe(self.chip)}, Linf {fraction(self.eps)}, {images}"
        rows = [(check.id, check.status, check.title, check.found) for check in self.checks]
        checks = render_table(("", "", "check", "found"), rows, title=title, left=(0, 1, 2, 3))
        parts = [checks, self._accuracies()]
        if self.comparisons:
            parts.append(comparison_table(self.comparisons))
        if self.stopped:
            parts.append(f"{self.stopped}; accuracies under attack are of one start")
        parts.append(f"verdict: {self.verdict}")
        raised = [check for check in self.checks if check.status in ("fail", "warn")]
        parts += [
            textwrap.fill(
                f"{check.id} {check.status}: {check.explanation}", 118, subsequent_indent="   "
            )
            for check in raised
        ]
        return "\n\n".join(parts)

    def _accuracies(self) -> str:
        products = f"\n{self.products}" if self.products != NOT_PROBED else ""
        return (
            f"chip: CA {self.clean} %, under the base attack {self.attacked} %, "
            f"under all attacks {self.worst} %; "
            f"software: CA {self.software_clean} %, "
            f"under the base attack {self.software_attacked} %{products}"
        )


def comparison_table(comparisons: tuple[Comparison, ...]) -> str:
    """Write the controls as a table in percent; below it, those that could not be measured."""
    rows = [
        (
            c.name, str(c.clean), str(c.adversarial), str(c.loss), str(c.advantage), str(c.robust),
            f"{100 * c.remains:.0f}", c.note,
        )
        for c in comparisons if c.measured
    ]  # fmt: skip
    header = ("network", "CA %", "AA %", "AL %", "AL advantage", "AA gain", "remains %", "")
    missing = [f"\nnot measured: {c.name}: {c.note}" for c in comparisons if not c.measured]
    title = "controls, each under the base attack made for itself"
    return render_table(header, rows, title=title) + "".join(missing)
