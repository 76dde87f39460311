"""Rules for every test and doctest: checked shapes, and nothing global left changed."""

from __future__ import annotations

import importlib.util
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

ROOT = Path(__file__).parent
GLOBAL_SEED = (
    20_081_129  # no code would choose it, so finding another one means that something seeded
)

if "wordline" in sys.modules:
    raise RuntimeError("wordline was imported before the hook that checks its shapes was installed")

# Only tests check shapes: users pay nothing for it, and neither do benchmarks. tests/shapes.py says
# what is checked.
if "--benchmark-only" not in sys.argv:
    _spec = importlib.util.spec_from_file_location("shapes", ROOT / "tests" / "shapes.py")
    sys.modules["shapes"] = _shapes = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(_shapes)
    _finder = install_import_hook("wordline", "shapes.checked_after_the_call").hook
    _finder.should_instrument = _shapes.is_plain_python

# The same examples every time, and no clock on machines that are shared.
settings.register_profile("wordline", deadline=None, derandomize=True)
settings.load_profile("wordline")

# Two cores: one thread for each pytest-xdist worker, all of them for a single process.
torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else max(1, os.cpu_count() or 1))


@pytest.fixture(autouse=True)
def _nothing_global_changes() -> Iterator[None]:
    """Start each test from one global random state, which nobody may seed.

    Drawing from the global state is allowed in a test (`torch.rand`, `nn.Linear`); whether the
    library draws from it is what the fixture `no_global_draws` of tests/conftest.py shows.
    """
    saved = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    torch.manual_seed(GLOBAL_SEED)
    random.seed(GLOBAL_SEED)
    np.random.seed(GLOBAL_SEED)  # noqa: NPY002
    before = _settings()
    yield
    after = _settings()
    torch.set_rng_state(saved[0])
    random.setstate(saved[1])
    np.random.set_state(saved[2])  # noqa: NPY002
    changed = [
        f"{name}: {before[name]} -> {after[name]}" for name in before if before[name] != after[name]
    ]
    if changed:
        torch.set_default_dtype(before["default dtype"])
        torch.set_num_threads(before["threads"])
        pytest.fail(
            f"left changed globally: {'; '.join(changed)} "
            "(use a generator, or torch.random.fork_rng)"
        )


def _settings() -> dict[str, object]:
    return {
        "seed of torch's global generator": torch.initial_seed(),
        "default dtype": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
        "gradients enabled": torch.is_grad_enabled(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "trace function": None if "coverage" in sys.modules else sys.gettrace(),
    }
