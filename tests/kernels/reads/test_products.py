"""Multiply-adds of whole numbers against numpy, by every set of instructions this machine has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from llvmlite import ir
from numba import njit

from wordline.kernels import processor_features
from wordline.kernels.reads import products
from wordline.kernels.registers import VECTOR_BYTES
from wordline.kernels.simd import Emitter, vector_operation

HERE = processor_features()
SETS = {"all": HERE, "128 bits": HERE & {"sse2", "ssse3"}, "none": frozenset[str]()}
LANES = 32  # of 32 bits: a multiple of every register's


def run(
    name: str, function: Any, words: int, features: frozenset[str], *values: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Compile an operation on `words` vectors of words, and run it on all lanes."""

    def emit(e: Emitter, at: Any) -> None:
        kind = ir.VectorType(ir.IntType(32), e.lanes)
        step = ir.Constant(at.type, LANES // e.lanes)
        places = e.steps(at, step, words + 1)
        given = [e.builder.bitcast(e.load(e.bytes(place)), kind) for place in places[:-1]]
        answer = function(e.builder, features, *given)
        e.store(e.builder.bitcast(answer, e.vector), e.bytes(places[-1]))

    operation = vector_operation(name, emit)

    @njit
    def all_lanes(ws: Any, vectors: int) -> None:
        for n in range(vectors):
            operation(ws, (n,), ())

    memory = np.stack([*(value.view(np.int32) for value in values), np.zeros(LANES, np.int32)])
    flat = memory.view(np.float32).ravel()
    all_lanes(flat, LANES * 4 // VECTOR_BYTES)
    return flat.view(np.int32).reshape(memory.shape)[-1]


@pytest.mark.parametrize("features", SETS.values(), ids=SETS.keys())
def test_fours_and_twos_are_exact(features: frozenset[str]) -> None:
    rng = np.random.default_rng(0)
    total = rng.integers(-(2**30), 2**30, LANES, np.int32)
    devices, digits = rng.integers(0, 256, (LANES, 4)), rng.integers(0, 128, (LANES, 4))
    bytes_ = devices.astype(np.uint8).ravel(), digits.astype(np.uint8).ravel()
    found = run(f"fours_{len(features)}", products.add_fours, 3, features, total, *bytes_)
    assert found.tolist() == (total + (devices * digits).sum(1)).tolist()
    high, low = rng.integers(-(2**15), 2**15, (LANES, 2)), rng.integers(0, 128, (LANES, 2))
    halves = high.astype(np.int16).ravel(), low.astype(np.int16).ravel()
    found = run(f"twos_{len(features)}", products.add_twos, 3, features, total, *halves)
    assert found.tolist() == (total + (high * low).sum(1)).tolist()


@pytest.mark.parametrize("name", ["all", "128 bits"])
def test_narrow_sums_keep_halves_apart(name: str) -> None:
    features = SETS[name]
    if not products.has_narrow(features):
        pytest.skip("the processor has no such instruction")
    rng = np.random.default_rng(1)
    total = rng.integers(-5000, 5000, (LANES, 2))
    devices, digits = rng.integers(0, 100, (LANES, 2, 2)), rng.integers(0, 100, (LANES, 2, 2))
    found = run(
        f"narrow_{len(features)}", products.add_narrow, 3, features,
        total.astype(np.int16).ravel(), devices.astype(np.uint8).ravel(),
        digits.astype(np.uint8).ravel(),
    )  # fmt: skip
    assert (
        found.view(np.int16).reshape(-1, 2).tolist() == (total + (devices * digits).sum(2)).tolist()
    )
