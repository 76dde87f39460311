"""The kernel of curved columns against their formula, worked out in numpy in float64."""

import numpy as np
import pytest
from numpy.typing import NDArray

from wordline.kernels.columns import BLOCK, JOINT, LANES, Arrays, Streams, convert, descend

HEIGHT, ROWS, WIDTH, OUTPUTS, HIDDEN, VECTORS = 5, 8, 12, 14, 3, 4  # two tiles either way
SLICE_WEIGHTS = np.array([1.0, 4.0])
REST, SHARE, FACTOR, LOW, HIGH = 1e-3, 0.2, 40.0, -2.0, 60.0
PADDED = -(-2 * OUTPUTS // BLOCK) * BLOCK
Floats = NDArray[np.float64]


def draw(rng: np.random.Generator) -> tuple[NDArray[np.float32], Arrays]:
    """Draw inputs, one vector of zeros and one without negative ones, and two slices of arrays."""
    u = rng.uniform(-1, 1, (VECTORS, ROWS)) * (rng.random((VECTORS, ROWS)) < 0.7)
    u[0], u[1] = 0.0, np.abs(u[1])
    response = rng.uniform(-0.3, 0.3, (4, 2, 2, 2, 4 * HEIGHT + HIDDEN + 1, WIDTH))
    response[..., :HEIGHT, :] = rng.uniform(0.1, 1, response[..., :HEIGHT, :].shape)
    network = rng.uniform(-0.3, 0.3, 4), rng.uniform(-0.5, 0.5, (HIDDEN, 5))
    numbers = np.array([*network[0], REST, SHARE, FACTOR, LOW, HIGH, *network[1].ravel()])
    pairs = response.astype(np.float32), 1, OUTPUTS, HEIGHT, SLICE_WEIGHTS
    return u.astype(np.float32), Arrays(*pairs, numbers.astype(np.float32))


def streams(bits: int, total: int) -> Streams:
    x = np.arange(2**bits, dtype=np.float32) / (2**bits - 1)
    powers = np.stack([x, x, x**2, x**3], 1)
    return Streams(2.0 ** (bits * total) - 1, bits, total, powers, 2.0**bits)


def memory(total: int, last: NDArray[np.number]) -> tuple[NDArray[np.number], ...]:
    shape = VECTORS, 2, total // JOINT + total % JOINT
    return (
        np.empty((*shape, HEIGHT + 1, 4 * JOINT), np.float32),
        np.empty(shape, np.int64),
        np.empty((VECTORS, 2, HEIGHT + 1), np.int32),
        np.empty((HEIGHT, 4, BLOCK), np.float32),
        np.empty((HIDDEN + 1, BLOCK), np.float32),
        last,
    )


def raw(x: Floats, array: Floats, numbers: Floats) -> Floats:
    """Compute what the ADC rounds, for x `(..., rows)`: `(..., columns)`."""
    used = x.shape[-1]
    w1, w2, w3, w4 = (array[m * HEIGHT : m * HEIGHT + used] for m in range(4))
    m1, cube = x @ w1, x**3
    z = [m / np.maximum(m1, REST) for m in (x**2 @ w2, cube @ w3, cube @ w4)] + [m1 * SHARE]
    k, units = numbers[:4], numbers[9:].reshape(HIDDEN, 5)
    r = array[-1] + sum(weight * feature for weight, feature in zip(k, z, strict=True))
    for h, unit in enumerate(units):
        y = array[4 * HEIGHT + h] + sum(u * feature for u, feature in zip(unit, z, strict=False))
        r = r + unit[4] * y / np.sqrt(1 + y**2)
    return FACTOR * m1 * (1 + r)


def reads(
    u: NDArray[np.float32], arrays: Arrays, cut: Streams
) -> list[tuple[slice, NDArray[np.bool_], float, Floats, slice, Floats]]:
    """List every read: its rows, which are of its sign, its weight, x, its columns, the array."""
    out = []
    whole = np.floor(np.abs(u.astype(float)) * cut.levels + 0.5).astype(int)
    for s, half, tile, place, t, sign in np.ndindex(2, 2, 2, 2, cut.total, 2):
        rows = slice(tile * HEIGHT, min(ROWS, (tile + 1) * HEIGHT))
        own = (u[:, rows] < 0) == bool(sign)
        x = (whole[:, rows] >> cut.bits * t) % 2**cut.bits * own / (2**cut.bits - 1)
        first = half * OUTPUTS + place * WIDTH
        columns = slice(first, min(first + WIDTH, (half + 1) * OUTPUTS))
        array = arrays.response[2 * s + half, arrays.group, tile, place].astype(float)
        weight = SLICE_WEIGHTS[s] * cut.base**t * (1 - 2 * sign)
        out.append((rows, own, weight, x, columns, array[:, : columns.stop - first]))
    return out


# three streams are read together, a fourth one alone
every_cut = pytest.mark.parametrize(("bits", "total"), [(2, 3), (1, 4), (3, 2)])


@every_cut
def test_codes_are_those_of_the_formula(bits: int, total: int) -> None:
    u, arrays = draw(np.random.default_rng(total))
    cut, numbers = streams(bits, total), arrays.numbers.astype(float)
    found, wanted = np.zeros((VECTORS, PADDED)), np.zeros((VECTORS, PADDED))
    saturated = convert(u, arrays, cut, memory(total, np.empty(BLOCK, np.int32)), found)
    over, near = 0, np.zeros((VECTORS, PADDED), bool)
    for _, _, weight, x, columns, array in reads(u, arrays, cut):
        steps = raw(x, array, numbers) + 0.5
        code = np.floor(steps)
        kept = np.clip(code, LOW, HIGH)
        over += int((code != kept).sum())
        wanted[:, columns] += weight * kept
        near[:, columns] |= np.abs(steps - np.round(steps)) < 1e-3
    assert near.mean() < 0.2 and over > 0
    np.testing.assert_array_equal(found[~near], wanted[~near])
    assert abs(saturated - over) <= 1
    assert not found[0].any()  # nothing drives it


@every_cut
def test_derivatives_are_differences_of_the_formula(bits: int, total: int) -> None:
    rng = np.random.default_rng(total)
    u, arrays = draw(rng)
    cut, numbers = streams(bits, total), arrays.numbers.astype(float)
    grad = np.zeros((VECTORS, PADDED), np.float32)
    grad[:, : 2 * OUTPUTS] = rng.standard_normal((VECTORS, 2 * OUTPUTS))
    found, wanted = np.zeros_like(u), np.zeros(u.shape)
    down = np.empty((VECTORS, HEIGHT, LANES), np.float32)
    descend(u, arrays, cut, memory(total, down), grad, found)
    for rows, own, weight, x, columns, array in reads(u, arrays, cut):
        code = np.floor(raw(x, array, numbers) + 0.5)
        passed = grad[:, columns] * abs(weight) * (code == np.clip(code, LOW, HIGH))
        for i in range(x.shape[1]):
            step = np.zeros(x.shape[1])
            step[i] = 1e-6
            slope = (raw(x + step, array, numbers) - raw(x - step, array, numbers)) / 2e-6
            wanted[:, rows.start + i] += own[:, i] * (passed * slope).sum(1)
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 * scale)
