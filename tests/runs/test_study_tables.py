"""Studies with tables of their own print the tables of their pages from the published results."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from wordline.runs import Journal, load_study
from wordline.values import Value

ROOT = Path(__file__).parents[2]
PAGES = {
    "audits": "audit", "hardware": "hardware", "noise_stability": "noise-stability",
    "quantised": "quantised",
}  # fmt: skip


def printed(study: str) -> list[str]:
    load_study(ROOT / "studies" / f"{study}.py")
    module = sys.modules[f"wordline_study_{study}"]
    make = getattr(module, "tables", None) or module.table
    return make(Journal(ROOT / module.OUT, Value).results.values())


@pytest.mark.parametrize("study", PAGES)
def test_every_row_is_on_the_page(study: str) -> None:
    page = set((ROOT / "docs" / "results" / f"{PAGES[study]}.md").read_text().splitlines())
    rows = {line for line in printed(study) if line.startswith("| ")}
    assert rows and rows <= page


def test_hardware_aware_training_says_the_numbers_of_its_page() -> None:
    page = (ROOT / "docs" / "results" / "hardware-aware.md").read_text()
    shares = [line.split(" | ")[1].split(" +- ")[0] for line in printed("hardware_aware")[2:]]
    assert len(shares) == 7 and all(share in page for share in shares)
