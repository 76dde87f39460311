"""`import wordline` is quick: slow libraries are imported by the functions that need them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import wordline
from wordline.commands import COMMANDS

SLOW = (
    "datasets", "pandas", "pyarrow", "sklearn", "accelerate", "rich", "matplotlib", "scipy.stats",
)  # fmt: skip


USES = (
    "import wordline.datasets",
    "import wordline.training",
    "import wordline as wl; wl.map_model, wl.load_model, wl.load_dataset, wl.evaluate, wl.audit",
)
PACKAGES = sorted(path.parent.name for path in Path(wordline.__file__).parent.glob("*/__init__.py"))


def run(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("use", USES)
def test_slow_libraries_are_not_imported(use: str) -> None:
    assert not run(f"import sys; {use}; print(*(x for x in {SLOW} if x in sys.modules))").split()


def test_the_top_level_imports_nothing_until_it_is_asked() -> None:
    loaded = "print(*(m for m in sys.modules if m.startswith(('wordline.', 'torch', 'numba'))))"
    assert not run(f"import sys, wordline; dir(wordline); {loaded}").split()
    assert run("from wordline import *; print(evaluate.__name__, PGD.__name__)").split() == [
        "evaluate",
        "PGD",
    ]


@pytest.mark.parametrize("words", [(), *((name,) for name in COMMANDS)], ids=str)
def test_help_needs_neither_torch_nor_compiler(words: tuple[str, ...]) -> None:
    heavy = ("torch", "numba", "scipy")
    said, loaded = run(
        f"import sys; sys.argv = ['wordline', *{words}, '--help']\n"
        "from wordline.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as stop:\n"
        f"    print('exit', stop.code, *(x for x in {heavy} if x in sys.modules))"
    ).split("exit 0")
    assert f"usage: {' '.join(('wordline', *words))} [-h]" in said
    assert not loaded.split()


def test_mapping_and_evaluating_leave_what_nobody_asked_for() -> None:
    loaded = (
        "print(*(x for x in ('torch._dynamo', 'scipy.stats', 'matplotlib') if x in sys.modules))"
    )
    mapped, evaluated = run(
        "import sys, wordline as wl\n"
        "chip = wl.map_model(wl.load_model('digits-cnn'), wl.Crossbar.preset('rethinking-16'))\n"
        f"{loaded}\n"
        "attack, data = wl.FGSM(eps=0.1, loss='margin'), wl.load_dataset('digits').test\n"
        "wl.evaluate(victim=chip, source=chip, attack=attack, data=data, limit=5)\n"
        f"{loaded}"
    ).split("\n")[:2]
    assert (mapped, evaluated) in {("", ""), ("", "torch._dynamo")}  # torch's modes import it


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_can_be_imported_first(package: str) -> None:
    run(f"import wordline.{package}")


def test_values_of_packages_that_are_not_imported_yet_are_read() -> None:
    text = '{"type": "AdversarialTraining", "attack": {"type": "PGD", "eps": 0.1}}'
    code = f"from wordline.values import Value; print(Value.from_json({text!r}).attack.eps)"
    assert run(code).strip() == "0.1"
