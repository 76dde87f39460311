"""`import wordline` is quick: slow libraries are imported by the functions that need them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import wordline

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


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_can_be_imported_first(package: str) -> None:
    run(f"import wordline.{package}")


def test_values_of_packages_that_are_not_imported_yet_are_read() -> None:
    text = '{"type": "AdversarialTraining", "attack": {"type": "PGD", "eps": 0.1}}'
    code = f"from wordline.values import Value; print(Value.from_json({text!r}).attack.eps)"
    assert run(code).strip() == "0.1"
