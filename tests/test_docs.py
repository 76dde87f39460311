"""The documents.

Every relative link leads somewhere, nothing is left to be filled in, the README's Python runs.
"""

import re
from pathlib import Path

import pytest
import torch

import wordline as wl
from wordline.reports import markdown_report, read_results
from wordline.runs import load_study, read_records

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve_and_nothing_is_left_open(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert "://" in target or (page.parent / target).exists(), target
    assert not re.search(
        r"\b(TODO|TBD|FIXME|FINDINGS|FULLACC|RESULTS_TABLE|[A-Z]+ROW|[A-Z]+COUNT)\b", text
    )


def test_the_python_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    code = block.replace("limit=500", "limit=20").replace("steps=10", "steps=2")
    assert code != block
    exec(compile(code, "README.md", "exec"), {"g": torch.full((2, 2), 1e-5)})
    assert "HH" in capsys.readouterr().out


STUDIED = sorted(path.parent for path in (ROOT / "docs" / "results").rglob("study.json"))


@pytest.mark.parametrize("folder", STUDIED, ids=lambda folder: folder.name)
def test_tables_are_those_of_the_records(folder: Path) -> None:
    """`wordline report FOLDER --out FOLDER/README.md` made them; nobody wrote into them since."""
    assert (folder / "README.md").read_text() == markdown_report([read_results(folder)])


@pytest.mark.parametrize("folder", STUDIED, ids=lambda folder: folder.name)
def test_every_cell_of_a_study_has_its_record(folder: Path) -> None:
    """The page holds the whole study at quick scale.

    Nothing failed, nothing was left out.
    """
    results = read_results(folder)
    assert not results.failures and not results.unreadable
    assert len(results.records) == len(
        load_study(ROOT / "studies" / f"{folder.name}.py").at("quick")
    )


def test_the_published_records_say_what_the_page_says() -> None:
    records = read_records(ROOT / "docs" / "results" / "rethinking" / "table2" / "records.jsonl")
    chosen = [
        r for r in records
        if r.setting == "HH" and isinstance(r.attack, wl.PGD)
        and r.attack.eps == 8 / 255 and r.attack.loss == "cross-entropy"
        and r.victim.seed == 0 and isinstance(r.victim.crossbar.gain, wl.LeastSquaresGain)
    ]  # fmt: skip
    row = {r.victim.crossbar.tile[0]: round(100 * r.adversarial_loss, 1) for r in chosen}
    readme = (ROOT / "README.md").read_text()
    for tile, loss in row.items():
        assert re.search(rf"{tile} x {tile}, least-squares gain \|.*\| {loss} \|", readme)
    assert len(row) == 3
