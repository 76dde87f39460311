"""The tutorials run from top to bottom, on few images, and find what their text announces."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "docs" / "tutorials"


def program(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "site" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


percent = program("percent")

Names = dict[str, Any]


def five_minutes(found: Names) -> bool:
    losses_current = 0 < found["kept"].min() < found["kept"].max() < 0.3
    white_box_is_worst = found["hh"].adversarial_accuracy <= found["sh"].adversarial_accuracy
    return losses_current and white_box_is_worst


def is_my_defence_real(found: Names) -> bool:
    looks_safe = found["after"].adversarial_accuracy > 0.9
    is_not = found["honest"].adversarial_accuracy < 0.4
    caught = found["result"].verdict == "masking detected"
    chip_is_not_blamed = found["of_chip"].verdict != "masking detected"
    return looks_safe and is_not and caught and chip_is_not_blamed


def adc_and_tile(found: Names) -> bool:
    options = found["advice"].options
    tried = {(option.tile[0], option.adc_bits) for option in options}
    drawn = all(len(line.get_xdata()) == 2 for line in found["axes"].lines)
    saturated = str(found["chip"].report()).splitlines()[3].split()[-2]  # of conv1, on a narrow ADC
    kept = any(option.keeps for option in options)
    return tried == {(16, 0), (16, 4)} and drawn and kept and float(saturated.rstrip("%")) > 20


def train_through_parasitics(found: Names) -> bool:
    return sum(found["after"]) > sum(found["before"]) and min(found["cheap"]) > 90


def your_device(found: Names) -> bool:
    records = found["curves"]["chip, white-box"].records
    return records[-1].adversarial_accuracy < records[0].adversarial_accuracy - 0.5


def attack_with_your_library(found: Names) -> bool:
    shares = found["found"]
    agree = abs(shares["foolbox PGD"] - shares["wordline PGD, as foolbox"]) <= 4
    return agree and shares["pyautoattack APGD-T"] <= shares["foolbox PGD"] < 60


def a_study_on_a_cluster(found: Names) -> bool:
    return len(found["records"]) == 8


CASES: tuple[tuple[Callable[[Names], bool], Names], ...] = (
    (five_minutes, {"LIMIT": 60, "STEPS": 10}),
    (is_my_defence_real, {"LIMIT": 60}),
    (adc_and_tile, {"LIMIT": 20, "STEPS": 2, "TILES": (16,), "BITS": (0, 4)}),
    (train_through_parasitics, {"EPOCHS": 1, "LIMIT": 100}),
    (your_device, {"LIMIT": 40, "STEPS": 5, "RADII": (0.05, 0.2)}),
    (attack_with_your_library, {"LIMIT": 30, "STEPS": 10}),
    (a_study_on_a_cluster, {"LIMIT": 10, "WORKERS": 2}),
)
LONG = (CASES[1], CASES[-1])  # two audits; seven processes


def test_every_tutorial_has_its_case() -> None:
    names = {announced.__name__ for announced, _ in CASES}
    assert names == {path.stem for path in TUTORIALS.glob("*.py")}
    index = (TUTORIALS / "index.md").read_text()
    assert all(f"({name}.py)" in index for name in names)


@pytest.mark.parametrize(
    ("announced", "few"),
    [
        pytest.param(*case, id=case[0].__name__, marks=pytest.mark.slow if case in LONG else ())
        for case in CASES
    ],
)
def test_a_tutorial_runs_and_finds_what_it_says(
    announced: Callable[[Names], bool], few: Names, tmp_path: Path
) -> None:
    name = announced.__name__
    if name == "attack_with_your_library":
        pytest.importorskip("foolbox")
        pytest.importorskip("pyautoattack")
    found = percent.run(TUTORIALS / f"{name}.py", tmp_path, **few)
    assert announced(found)
    page = (tmp_path / f"{name}.md").read_text()
    pictures = re.findall(r"!\[.+\]\((.+\.png)\)", page)
    assert pictures
    assert all((tmp_path / picture).stat().st_size > 1000 for picture in pictures)
    assert 'title="Output"' in page


def test_links_between_tutorials_and_pages_resolve() -> None:
    for path in TUTORIALS.glob("*.py"):
        for target in re.findall(r"\]\(([^)#:]+)", path.read_text()):
            page = TUTORIALS / target
            assert page.exists() or page.with_suffix(".py").exists(), (path.name, target)


def test_an_unknown_parameter_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "small.py"
    source.write_text('# %% tags=["parameters"]\nLIMIT = 1\n')
    with pytest.raises(ValueError, match="no parameter"):
        percent.run(source, tmp_path, LIMITS=2)


def test_cells_are_cut_and_shown(tmp_path: Path) -> None:
    source = tmp_path / "small.py"
    source.write_text(
        "# %% [markdown]\n# # Head\n#\n# words\n\n"
        '# %% tags=["parameters"]\nX = 1\n\n# %%\nprint(X)\nX\n'
    )
    found = percent.run(source, tmp_path / "out", X=7)
    page = (tmp_path / "out" / "small.md").read_text()
    assert found["X"] == 7
    assert percent.title(source) == "Head"
    assert page.startswith("# Head\n\nwords\n")
    assert page.endswith("7\n7\n```\n")
