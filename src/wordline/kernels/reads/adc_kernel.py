"""Reads of linear arrays whose columns each pass an ADC, and their derivative, on a CPU."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..buffer_pool import aligned_empty
from ..registers import VECTOR_BYTES
from ..threads import share
from .blocks import Arrays, Inputs, Plan, Scratch, convert_blocks
from .micro_kernels import CERTAIN, OPERANDS, REAL, ROWS_OF_WORD, VECTORS
from .packing import PackedColumns, side_by_side
from .saturation import Derivative, Marks, subtract_blocks

AVAILABLE = True  # tests of the path in torch take the kernel away
_PRODUCTS_OF_THREAD = 4_000_000
_KEPT = 16
_OF_THREAD = threading.local()


class InputVectors(NamedTuple):
    """Input vectors inside any tensor, overlapping or not.

    The input of row k for vector n of group g is `source.flatten()[starts[n] + offsets[g, k]]`.
    """

    source: Tensor
    starts: NDArray[np.int64]
    offsets: NDArray[np.int64]


def available(response: Tensor) -> bool:
    """Tell whether these arrays have a kernel."""
    is_float = response.dtype in (torch.float32, torch.float64)
    return AVAILABLE and response.device.type == "cpu" and is_float


def convert(
    vectors: InputVectors, packed: PackedColumns, read_weights: Tensor, separate: int,
    *, certain: bool = False,
) -> tuple[Tensor, NDArray[np.int64]]:  # fmt: skip
    """Drive finite inputs through the arrays, convert each column sum by its ADC, add the codes.

    `read_weights[r, a]` is the weight of one full scale of array `a` at read `r`, in shares; the
    second half of the reads are the negative inputs and may be omitted. `certain`: no conversion
    can saturate (`PackedColumns.reach`). Returns the sums
    `(separate, groups, col_tiles, n, cols)`, kept apart for array indices equal modulo `separate`,
    and the number of clipped conversions of each input vector.
    """
    arrays_read, groups, _, col_tiles, _, cols = packed.shape
    number = _number(packed)
    width, n, padded = _width(number), len(vectors.starts), cols + -cols % OPERANDS
    blocks = -(-n // width)
    columns = separate * col_tiles * padded
    total = torch.empty(groups, columns, blocks * width, dtype=packed.dtype)
    count = np.empty(blocks * width, f"i{number.itemsize}")
    code_weights = (read_weights.double() * (packed.adc.limit / packed.adc.high)).to(packed.dtype)
    groups_per_array = packed.weights.shape[2] // read_weights.shape[1]
    weights = code_weights.repeat_interleave(groups_per_array, 1).numpy()
    inputs = Inputs(_flat(vectors.source), vectors.starts, vectors.offsets)
    arrays, plan = Arrays(packed.weights.numpy(), packed.affine.numpy()), _plan(packed, certain)
    products = len(weights) * arrays_read * col_tiles * padded * vectors.offsets.size * width
    threads = _threads(blocks * products)
    piece = blocks if threads == 1 else max(1, blocks // (16 * threads))
    into = total.numpy()

    def work(begins: Iterator[int]) -> None:
        scratch = _scratch(packed, len(weights), columns)
        for begin in begins:
            part = begin, min(blocks, begin + piece)
            convert_blocks(inputs, arrays, plan, weights, scratch, into, count, part)

    share(work, range(0, blocks, piece), threads)
    sums = total.view(groups, separate, col_tiles, padded, -1)[..., :cols, :n]
    return sums.permute(1, 0, 2, 4, 3), count[:n].astype(np.int64)


def subtract_saturated(
    grad: Tensor, towards: Tensor, vectors: InputVectors, packed: PackedColumns,
    shares: Tensor, slopes: Tensor, array_weights: Tensor, samples: NDArray[np.int64],
) -> None:  # fmt: skip
    """Subtract from a straight-through derivative what saturated conversions do not pass, in place.

    - `grad`: derivative with respect to the source; `towards`: to the sums of `convert`, of their
      shape; `shares`: what `packed` was made of.
    - `slopes` `(reads,)`: share of a derivative that passes each read; `array_weights` `(arrays,)`.
    - `samples`: of each vector, in ascending order; vectors of two samples share no inputs.
    """
    n, cols = towards.shape[-2:]
    rows, number = packed.shape[4], _number(packed)
    width, padded = _width(number), cols + -cols % OPERANDS
    real = side_by_side((shares.detach() - packed.adc.offset).permute(1, 2, 0, 3, 5, 4))
    real = real.to(packed.dtype).unflatten(2, (-1, OPERANDS)).contiguous()
    sums = functional.pad(towards.permute(1, 0, 2, 4, 3), (0, 0, 0, padded - cols))
    sums = sums.to(packed.dtype).flatten(1, 3)
    groups_per_array = real.shape[2] // len(array_weights)
    weights = array_weights.to(packed.dtype).repeat_interleave(groups_per_array)
    source, out = _flat(vectors.source), grad.view(-1).numpy()
    arrays, plan = Arrays(packed.weights.numpy(), packed.affine.numpy()), _plan(packed, False)
    signs = 2 if len(slopes) > plan.reads_per_sign else 1
    passes = slopes.to(packed.dtype).numpy()
    # whole samples, the same ones for any number of threads
    firsts = np.flatnonzero(np.diff(samples, prepend=-1))
    most = 8 * width
    cuts = [0]
    for first in firsts:
        if first - cuts[-1] >= most:
            cuts.append(int(first))
    pieces = list(zip(cuts, [*cuts[1:], n], strict=True))

    def work(some: Iterator[tuple[int, int]]) -> None:
        marks = aligned_empty((signs, OPERANDS, width), number)
        whole = f"i{number.itemsize}"
        memory = Marks(
            marks, marks.view(whole), np.empty((signs, width, rows), number),
            np.zeros(width, np.bool_), np.zeros(width, whole),
        )  # fmt: skip
        scratch = _scratch(packed, len(slopes), 1)
        for begin, end in some:
            inputs = Inputs(source, vectors.starts[begin:end], vectors.offsets)
            here = functional.pad(sums[..., begin:end], (0, (begin - end) % width))
            derivative = Derivative(
                real.numpy(), passes, weights.numpy(), here.contiguous().numpy(), out
            )
            subtract_blocks(inputs, arrays, plan, derivative, scratch, memory)

    products = len(slopes) * padded * len(array_weights) * vectors.offsets.size * n
    share(work, pieces, _threads(products))


def _number(packed: PackedColumns) -> np.dtype[Any]:
    return np.dtype(np.float32 if packed.dtype == torch.float32 else np.float64)


def _width(number: np.dtype[Any]) -> int:
    """Vectors of a block."""
    return VECTORS * (VECTOR_BYTES // number.itemsize)


def _threads(products: int) -> int:
    """Take one thread for each so many products, which take a thread some 100 microseconds."""
    return max(1, min(torch.get_num_threads(), products // _PRODUCTS_OF_THREAD))


def _flat(source: Tensor) -> NDArray[Any]:
    return source.detach().contiguous().view(-1).numpy()


def _plan(packed: PackedColumns, certain: bool) -> Plan:
    planes, number = packed.bit_planes, _number(packed)
    return Plan(
        packed.form,
        packed.form + (CERTAIN if certain else 0),
        packed.unit,
        VECTOR_BYTES // number.itemsize,
        packed.shape[4],
        planes.levels,
        planes.bits,
        len(planes.significances),
        number.type(packed.adc.low),
        number.type(packed.adc.high),
    )


def _scratch(packed: PackedColumns, reads: int, columns: int) -> Scratch:
    """Return this thread's working memory, kept for the next call of its shape."""
    kept: dict[Any, Scratch] = _OF_THREAD.__dict__.setdefault("kept", {})
    key = packed.dtype, packed.form, packed.bit_planes.levels > 0, packed.shape[4], reads, columns
    if key not in kept:
        if len(kept) >= _KEPT:
            del kept[next(iter(kept))]
        kept[key] = _new_scratch(packed, reads, columns)
    return kept[key]


def _new_scratch(packed: PackedColumns, reads: int, columns: int) -> Scratch:
    """Allocate one thread's working memory; what a format does not need is empty."""
    number = _number(packed)
    whole, in_digits = packed.form != REAL, packed.bit_planes.levels > 0
    rows = packed.shape[4] + (-packed.shape[4] % 4 if whole else 0)
    width, int32, of = _width(number), np.dtype(np.int32), ROWS_OF_WORD[packed.form]
    return Scratch(
        starts=np.empty(width, np.int64),
        gathered=aligned_empty((rows, width), number),
        codes=aligned_empty((rows if in_digits else 0, width), int32),
        digits=aligned_empty((reads if in_digits and not whole else 0, rows, width), number),
        words=aligned_empty((reads if whole else 0, rows // of, width), int32),
        digit_sums=aligned_empty((reads, width), number),
        active=np.zeros(reads, np.bool_),
        sums=aligned_empty((columns, width), number),
    )
