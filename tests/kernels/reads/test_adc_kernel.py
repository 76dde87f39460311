"""The kernel of reads against sums worked out in numpy: real numbers, one byte, two bytes, every
way of gathering.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from wordline.kernels.reads import (
    BitPlanes,
    InputVectors,
    PackedColumns,
    Quantiser,
    convert,
    pack_columns,
)
from wordline.kernels.reads.micro_kernels import FOURS, NARROW, PRODUCTS, REAL, TWOS

BYTES = FOURS if FOURS in PRODUCTS else NARROW if NARROW in PRODUCTS else TWOS
FINE = Quantiser(limit=10.0, low=0.0, high=2.0**12 - 1, offset=0.1)
COARSE = Quantiser(limit=2.0, low=-31.0, high=31.0, offset=0.0)


def expected(
    vectors: NDArray[np.float64],
    shares: NDArray[np.float64],
    adc: Quantiser,
    digits: BitPlanes,
    read_weights: Tensor,
    separate: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
    """Sums, conversions out of range of each vector, and the shortest way of a sum to where its
    code would change.
    """
    arrays, groups, row_tiles, col_tiles, rows, cols = shares.shape
    n = vectors.shape[1]
    total, out, near = np.zeros((separate, groups, col_tiles, n, cols)), np.zeros(n, np.int64), 1.0
    padded = np.zeros((groups, n, row_tiles * rows))
    padded[..., : vectors.shape[2]] = vectors
    each = len(digits.significances)
    for read, a, g, t, c in np.ndindex(len(read_weights), arrays, groups, row_tiles, col_tiles):
        u = padded[g, :, t * rows : (t + 1) * rows]
        if digits.levels:
            whole = np.floor(np.maximum(u if read < each else -u, 0) * digits.levels + 0.5).astype(
                int
            )
            u = (whole >> digits.bits * (read % each)) % 2**digits.bits / digits.max_digit
        steps = (
            u @ shares[a, g, t, c] - adc.offset * u.sum(1, keepdims=True)
        ) / adc.limit * adc.high + 0.5
        near = min(near, np.abs(steps - np.round(steps))[np.abs(u).sum(1) > 0].min(initial=1.0))
        code = np.floor(steps)
        kept = np.clip(code, adc.low, adc.high)
        out += (code != kept).sum(1)
        total[a % separate, g, c] += float(read_weights[read, a]) * kept / adc.high * adc.limit
    return total, out, near


def run(
    vectors: Tensor, packed: PackedColumns, read_weights: Tensor, separate: int
) -> tuple[Tensor, NDArray[np.int64]]:
    groups, n, k = vectors.shape
    offsets = np.arange(groups)[:, None] * n * k + np.arange(k)
    return convert(InputVectors(vectors, np.arange(n) * k, offsets), packed, read_weights, separate)


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@settings(deadline=None, max_examples=30)
@given(
    st.tuples(*(st.integers(1, most) for most in (3, 2, 3, 2, 9, 7))),
    st.integers(1, 110),
    st.booleans(),
    st.sampled_from(
        [BitPlanes(*given) for given in ((0, 0), (31, 2), (2**15 - 1, 4), (7, 1), (255, 8))]
    ),
    st.sampled_from([FINE, COARSE]),
    st.integers(0, 2**31),
)
def test_in_double_precision_every_code_is_right(
    shape: tuple[int, ...], n: int, separate: bool, digits: BitPlanes, adc: Quantiser, seed: int
) -> None:
    shares = random(*shape, seed=seed)
    groups, k = shape[1], (shape[2] - 1) * shape[4] + 1
    vectors = random(groups, n, k, seed=seed + 1) * 2 - 1
    reads_made = 2 * len(digits.significances) if digits.levels else 1
    read_weights = random(reads_made, shape[0], seed=seed + 2)
    sums = shape[0] if separate else 1
    total, out, near = expected(vectors.numpy(), shares.numpy(), adc, digits, read_weights, sums)
    if near < 1e-9:
        return  # a tie: either code is right
    answer, saturated = run(vectors, pack_columns(shares, adc, digits), read_weights, sums)
    np.testing.assert_allclose(answer.numpy(), total, rtol=1e-10, atol=1e-10)
    assert saturated.tolist() == out.tolist()


@pytest.mark.parametrize(
    ("form", "levels", "rows"),
    [(BYTES, 15, 16), (BYTES, 1, 5), (BYTES, 3, 64), (TWOS, 0, 16), (TWOS, 0, 7), (TWOS, 0, 128)],
)
def test_whole_numbers_are_used_where_they_are_exact_enough(
    form: int, levels: int, rows: int
) -> None:
    shares = random(4, 2, 2, 2, rows, 5)
    shares = (shares * (levels + 1)).floor() / levels + 0.25 if levels else shares
    adc, digits = Quantiser(float(rows), 0.0, 2.0**12 - 1, 0.2), BitPlanes(2**15 - 1, 4)
    packed = pack_columns(shares.float(), adc, digits)
    assert packed.form == form
    vectors, read_weights = random(2, 100, 2 * rows) - 0.3, random(8, 4, seed=5)
    total, out, _ = expected(
        vectors.float().double().numpy(),
        shares.float().double().numpy(),
        adc,
        digits,
        read_weights,
        2,
    )
    answer, saturated = run(vectors.float(), packed, read_weights, 2)
    wrong = np.abs(answer.numpy() - total)
    assert wrong.max() <= 2.02 * adc.limit / adc.high  # two codes, of a hundred
    assert (wrong > 0.1 * adc.limit / adc.high * read_weights.min().item()).mean() < 0.15
    assert abs(int(saturated.sum()) - int(out.sum())) <= 2


def test_whole_numbers_are_not_used_where_they_are_too_coarse() -> None:
    shares, digits = random(2, 1, 1, 1, 64, 8, dtype=torch.float32), BitPlanes(2**15 - 1, 4)
    assert pack_columns(shares, Quantiser(64.0, 0.0, 2.0**14 - 1, 0.0), digits).form == TWOS
    assert (
        pack_columns(shares, Quantiser(64.0, 0.0, 2.0**20 - 1, 0.0), digits).form == REAL
    )  # more codes than two bytes hold
    assert (
        pack_columns(shares, Quantiser(64.0, 0.0, 2.0**8 - 1, 0.0), BitPlanes(255, 8)).form == REAL
    )
    assert pack_columns(shares, Quantiser(64.0, 0.0, 2.0**14 - 1, 0.0), BitPlanes()).form == REAL
    assert pack_columns(shares.double(), Quantiser(64.0, 0.0, 2.0**8 - 1, 0.0), digits).form == REAL
    tall = shares[..., :1, :].expand(2, 1, 1, 1, 600, 8)
    packed = pack_columns(tall, Quantiser(6e5, 0.0, 255.0, 0.0), BitPlanes(127, 7))
    assert packed.form == (FOURS if BYTES == FOURS else TWOS)  # sums of more than 16 bits


@pytest.mark.parametrize("rows", [64, 61])
def test_two_bytes_are_never_further_from_the_real_sum_than_a_tenth_of_a_code(rows: int) -> None:
    """Read off by moving the sum against the codes: an ADC of 2^14 codes, of which the kernel must
    hit one of two.
    """
    shares, digits = random(2, 1, 1, 1, rows, 32), BitPlanes(15, 4)
    adc = Quantiser(64.0, 0.0, 2.0**14 - 1, 0.0)
    packed = pack_columns(shares.float(), adc, digits)
    assert packed.form == TWOS
    vectors = random(1, 500, rows, seed=1)
    answer, _ = run(vectors.float(), packed, torch.ones(1, 2), 2)
    u = np.floor(vectors[0].float().double().numpy() * 15 + 0.5) / 15
    steps = (
        np.stack([u @ shares[a, 0, 0, 0].float().double().numpy() for a in range(2)])
        / 64
        * adc.high
    )
    codes = answer.double().numpy()[:, 0, 0] / 64 * adc.high
    assert np.abs(codes - steps).max() <= 0.5 + 0.1 + 1e-2  # single precision of a code near 2^13


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("width", [3, 4, 8, 16, 32])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_vectors_are_gathered_from_wherever_they_stand(
    width: int, step: int, dtype: torch.dtype
) -> None:
    """Rows of an image of any width, side by side or not: whole vectors, fours, single numbers."""
    image = random(40, width * step + 7, dtype=dtype)
    starts = (np.arange(40)[:, None] * image.shape[1] + np.arange(width) * step).ravel()
    offsets = np.array([[0, 5, 1, 7]])
    weights = random(1, 1, 2, 1, 3, 2, seed=4, dtype=dtype)
    answer, _ = convert(
        InputVectors(image, starts, offsets),
        pack_columns(weights, FINE, BitPlanes()),
        torch.ones(1, 1),
        1,
    )
    vectors = image.double().numpy().ravel()[starts[:, None] + offsets[0]][None]
    total, _, near = expected(
        vectors, weights.double().numpy(), FINE, BitPlanes(), torch.ones(1, 1), 1
    )
    assert near > 1e-7
    wrong = np.abs(answer.double().numpy() - total)
    assert wrong.max() < (1.01 * FINE.limit / FINE.high if dtype == torch.float32 else 1e-12)
    assert (wrong > 1e-6).mean() < 0.002  # near a tie, single precision may fall on the other side


def test_the_bits_of_a_vector_depend_neither_on_its_neighbours_nor_on_threads() -> None:
    threads, digits = torch.get_num_threads(), BitPlanes(2**15 - 1, 4)
    try:
        for given in (BitPlanes(), digits):
            packed = pack_columns(random(2, 1, 3, 1, 16, 5, dtype=torch.float32), COARSE, given)
            vectors, read_weights = (
                random(1, 700, 40, dtype=torch.float32),
                random(len(given.significances), 2),
            )
            torch.set_num_threads(1)
            answer, saturated = run(vectors, packed, read_weights, 2)
            torch.set_num_threads(2)
            again, saturated_again = run(vectors, packed, read_weights, 2)
            part, saturated_part = run(vectors[:, 123:321].contiguous(), packed, read_weights, 2)
            assert torch.equal(answer, again) and saturated.tolist() == saturated_again.tolist()
            assert (
                torch.equal(answer[..., 123:321, :], part)
                and saturated[123:321].tolist() == saturated_part.tolist()
            )
            assert saturated.any()
    finally:
        torch.set_num_threads(threads)


def random_read(
    levels: int, adc: Quantiser, forms: tuple[int, ...] = (REAL, *PRODUCTS)
) -> tuple[Tensor, PackedColumns, Tensor]:
    """Vectors, columns and weights of reads; devices of so many levels, 0: real numbers."""
    shares = random(4, 1, 3, 1, 61, 5, dtype=torch.float32)
    shares = (shares * (levels + 1)).floor() / levels if levels else shares
    digits = BitPlanes(2**15 - 1, 4)
    packed = pack_columns(shares, adc, digits, forms=forms)
    return random(1, 77, 170, dtype=torch.float32) - 0.3, packed, random(8, 4, seed=5)


@pytest.mark.parametrize("levels", [15, 1, 255])
def test_every_format_of_whole_numbers_gives_the_same_bits(levels: int) -> None:
    adc = Quantiser(5.0, 0.0, 2.0**10 - 1, 0.01)
    answers = {}
    for forms in ((REAL, *PRODUCTS), (REAL, TWOS)):
        vectors, packed, weights = random_read(levels, adc, forms)
        answers[packed.form] = run(vectors, packed, weights, 2)
    assert TWOS in answers and (levels == 255 or BYTES in answers)
    first, *others = answers.values()
    for answer, saturated in others:
        assert torch.equal(answer, first[0]) and saturated.tolist() == first[1].tolist()
    assert first[1].any()


@pytest.mark.parametrize("levels", [15, 0])
def test_sums_that_cannot_be_out_of_range_are_not_compared_with_it(levels: int) -> None:
    for limit, certain in ((62.0, True), (1.0, False)):
        adc = Quantiser(limit, 0.0, 2.0**12 - 1, 0.0)
        vectors, packed, weights = random_read(levels, adc)
        assert packed.reach.certain(adc, negative=False) is certain
        answer, saturated = run(vectors, packed, weights, 2)
        assert bool(saturated.any()) is not certain
        if certain:
            n, k = vectors.shape[1:]
            places = InputVectors(vectors, np.arange(n) * k, np.arange(k)[None])
            again, none = convert(places, packed, weights, 2, certain=True)
            assert torch.equal(answer, again) and not none.any()


def test_reach_is_the_sum_of_a_columns_devices_of_one_sign() -> None:
    shares = torch.tensor([[1.0, -2.0], [0.5, -1.0], [-1.0, 0.25]]).view(1, 1, 1, 1, 3, 2)
    adc = Quantiser(limit=2.0, low=-127.0, high=127.0, offset=0.0)
    packed = pack_columns(shares, adc, BitPlanes())
    assert packed.reach == tuple(127 / 2 * end for end in (-3.0, 1.5, 3.25))
    assert not packed.reach.certain(adc, negative=False)  # -3 is below -2
    second = pack_columns(shares, adc, BitPlanes(), columns=slice(0, 1))
    assert second.shape == (1, 1, 1, 1, 3, 1) and second.reach.both == 127 / 2 * 2.5


_WIDTHS = """
import hashlib, torch
from tests.kernels.reads.test_adc_kernel import COARSE, random_read, run
for levels in (15, 0):
    answer, saturated = run(*random_read(levels, COARSE), 2)
    print(hashlib.sha256(answer.contiguous().numpy().tobytes() + saturated.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_registers_of_every_width_give_the_same_bits() -> None:
    printed = set()
    for bits in ("128", "256", "512"):
        given = {**os.environ, "WORDLINE_VECTOR_BITS": bits}
        command = [sys.executable, "-c", _WIDTHS]
        printed.add(subprocess.run(command, env=given, check=True, capture_output=True).stdout)
    assert len(printed) == 1
