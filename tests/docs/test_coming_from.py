"""The translations on the pages for users of other tools.

They run, and where the other tool is installed its numbers are ours.

CrossSim, aihwkit-lightning and MemTorch need not be installed: PEERS, folders separated as in
PYTHONPATH, is searched too.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch

import wordline as wl

PAGES = Path(__file__).parents[2] / "docs" / "coming-from"
TOOLS = ("crosssim", "aihwkit", "memtorch", "neurosim", "puma")


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in filter(None, os.environ.get("PEERS", "").split(os.pathsep)):
        monkeypatch.syspath_prepend(folder)


def blocks(tool: str) -> list[str]:
    text = (PAGES / f"{tool}.md").read_text()
    part = re.search(r"## Translation\n(.*?)\n## ", text, re.S)
    return re.findall(r"```python\n(.*?)```", part[1], re.S)


def run(code: str, **names: Any) -> dict[str, Any]:
    exec(compile(code, "page", "exec"), names)
    return names


def linear(weights: np.ndarray) -> torch.nn.Module:
    layer = torch.nn.Linear(*weights.shape, bias=False, dtype=torch.float64)
    layer.weight.data = torch.tensor(weights.T)
    return torch.nn.Sequential(layer).eval()


def problem() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    weights = generator.uniform(-1, 1, (16, 12))
    return weights / abs(weights).max(), generator.uniform(0, 1, (5, 16))


def need(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed; name its folder in PEERS")


@pytest.mark.usefixtures("peers")
def test_crosssim_gives_the_numbers_of_its_translation() -> None:
    need("simulator")
    theirs, ours = blocks("crosssim")
    weights, inputs = problem()
    answer = np.stack([run(theirs, w=weights, x=x)["theirs"] for x in inputs])
    mine = run(ours, w=weights, network=linear(weights), x=torch.tensor(inputs))["ours"]
    mine = mine.detach().numpy()
    assert abs(answer - mine).max() < 1e-6 * abs(mine).max()
    assert abs(mine - inputs @ weights).max() > 1e-2 * abs(mine).max()  # the wires do something


@pytest.mark.usefixtures("peers")
def test_lightning_gives_the_numbers_of_its_translation() -> None:
    need("aihwkit_lightning")
    theirs, ours = blocks("aihwkit")
    weights, inputs = problem()
    given = {"network": linear(weights), "x": torch.tensor(inputs)}
    answer, mine = run(theirs, **given)["theirs"], run(ours, **given)["ours"]
    assert (answer - mine).abs().max() < 1e-12
    assert (mine - given["x"] @ torch.tensor(weights)).abs().max() > 1e-3  # six bits do something


@pytest.mark.usefixtures("peers")
def test_memtorch_gives_the_numbers_of_its_translation(monkeypatch: pytest.MonkeyPatch) -> None:
    need("memtorch")
    for name in ("", ".datasets", ".datasets.utils", ".models", ".transforms", ".utils"):
        monkeypatch.setitem(sys.modules, f"torchvision{name}", MagicMock())  # for its examples
    theirs, ours = blocks("memtorch")
    weights, inputs = problem()
    given = {"net": linear(weights).float(), "x": torch.tensor(inputs).float()}
    answer, mine = run(theirs, **given)["theirs"], run(ours, **given)["ours"]
    assert (answer - mine).abs().max() < 1e-5 * mine.abs().max()


def test_the_python_of_the_other_pages_runs() -> None:
    net, data = wl.load_model("digits-cnn"), wl.load_dataset("digits")
    crossbar = run(blocks("neurosim")[0])["crossbar"]
    assert wl.map_model(net, crossbar).report()
    attack = wl.FGSM(eps=0.1)
    found = run(blocks("puma")[0], net=net, attack=attack, data=data.test, limit=2)
    assert found["true"].images == found["theirs"].images == 2


@pytest.mark.parametrize("tool", TOOLS)
def test_a_page_has_its_parts_and_its_names_exist(tool: str) -> None:
    text = (PAGES / f"{tool}.md").read_text()
    heads = re.findall(r"^## (.*)$", text, re.M)
    assert heads[:3] == ["Words", "Translation", "Questions"]
    assert "that wordline does not" in heads[3]
    for name in re.findall(r"\bwl\.([a-zA-Z_.]+)", text):
        found: Any = wl
        for part in name.rstrip(".").split("."):
            found = getattr(found, part)
