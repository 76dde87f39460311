"""`import wordline` is quick: slow libraries are imported by the functions that need them."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = (
    "datasets", "pandas", "pyarrow", "sklearn", "accelerate", "rich", "matplotlib", "scipy.stats",
)  # fmt: skip


@pytest.mark.parametrize("module", ["wordline", "wordline.datasets", "wordline.training"])
def test_slow_libraries_are_not_imported(module: str) -> None:
    code = f"import sys, {module}; print(*(name for name in {SLOW} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout.split()
