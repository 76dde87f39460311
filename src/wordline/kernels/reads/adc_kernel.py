"""Reads of linear arrays whose columns each pass an ADC, and their derivative, on a CPU."""

from __future__ import annotations

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
from .micro_kernels import AVAILABLE, OPERANDS, VECTORS
from .packing import PackedColumns, side_by_side
from .saturation import Derivative, Marks, subtract_blocks


class InputVectors(NamedTuple):
    """Input vectors inside any tensor, overlapping or not.

    The input of row k for vector n of group g is `source.flatten()[starts[n] + offsets[g, k]]`.
    """

    source: Tensor
    starts: NDArray[np.int64]
    offsets: NDArray[np.int64]


def available(response: Tensor) -> bool:
    """Tell whether this machine and these arrays have a kernel."""
    is_float = response.dtype in (torch.float32, torch.float64)
    return AVAILABLE and response.device.type == "cpu" and is_float


def convert(
    vectors: InputVectors, packed: PackedColumns, read_weights: Tensor, separate: int
) -> tuple[Tensor, NDArray[np.int64]]:
    """Drive finite inputs through the arrays, convert each column sum by its ADC, add the codes.

    `read_weights[r, a]` is the weight of one full scale of array `a` at read `r`, in shares; the
    second half of the reads are the negative inputs and may be omitted. Returns the sums
    `(separate, groups, col_tiles, n, cols)`, kept apart for array indices equal modulo `separate`,
    and the number of clipped conversions of each input vector.
    """
    _, groups, _, col_tiles, _, cols = packed.shape
    number = _number(packed)
    lanes = VECTOR_BYTES // number.itemsize
    width, n, padded = VECTORS * lanes, len(vectors.starts), cols + -cols % OPERANDS
    blocks = -(-n // width)
    columns = separate * col_tiles * padded
    total = torch.empty(groups, columns, blocks * width, dtype=packed.dtype)
    count = np.empty(blocks * width, f"i{number.itemsize}")
    code_weights = (read_weights.double() * (packed.adc.limit / packed.adc.high)).to(packed.dtype)
    groups_per_array = packed.weights.shape[2] // read_weights.shape[1]
    code_weights = code_weights.repeat_interleave(groups_per_array, 1)
    starts, grains = _blocks(vectors.starts, width, lanes)
    inputs = Inputs(_flat(vectors.source), starts, grains, vectors.offsets)
    arrays, plan = Arrays(packed.weights.numpy(), packed.affine.numpy()), _plan(packed, number)
    piece = max(1, blocks // (8 * torch.get_num_threads()))

    def work(begins: Iterator[int]) -> None:
        scratch = _scratch(packed, len(code_weights), columns, number)
        for begin in begins:
            part = begin, min(blocks, begin + piece)
            weights = code_weights.numpy()
            convert_blocks(inputs, arrays, plan, weights, scratch, total.numpy(), count, part)

    share(work, range(0, blocks, piece), torch.get_num_threads())
    sums = total.view(groups, separate, col_tiles, padded, -1)[..., :cols, :n]
    return sums.permute(1, 0, 2, 4, 3), count[:n].astype(np.int64)


def subtract_saturated(
    grad: Tensor, towards: Tensor, vectors: InputVectors, packed: PackedColumns,
    shares: Tensor, slopes: Tensor, array_weights: Tensor, sample_vectors: int,
) -> None:  # fmt: skip
    """Subtract from a straight-through derivative what saturated conversions do not pass, in place.

    - `grad`: derivative with respect to the source; `towards`: to the sums of `convert`, of their
      shape; `shares`: what `packed` was made of.
    - `slopes` `(reads,)`: share of a derivative that passes each read; `array_weights` `(arrays,)`.
    - `sample_vectors`: vectors of one sample, whose inputs no other sample's vectors share.
    """
    n, cols = towards.shape[-2:]
    rows, number = packed.shape[4], _number(packed)
    lanes = VECTOR_BYTES // number.itemsize
    width, padded = VECTORS * lanes, cols + -cols % OPERANDS
    at_once = OPERANDS // 2 if packed.device_bytes == 2 else OPERANDS
    real = side_by_side((shares.detach() - packed.adc.offset).permute(1, 2, 0, 3, 5, 4))
    real = real.to(packed.dtype).unflatten(2, (-1, at_once)).contiguous()
    sums = functional.pad(towards.permute(1, 0, 2, 4, 3), (0, 0, 0, padded - cols))
    sums = sums.to(packed.dtype).flatten(1, 3)
    groups_per_array = real.shape[2] // len(array_weights)
    weights = array_weights.to(packed.dtype).repeat_interleave(groups_per_array)
    source, out = _flat(vectors.source), grad.view(-1).numpy()
    arrays, plan = Arrays(packed.weights.numpy(), packed.affine.numpy()), _plan(packed, number)
    signs = 2 if len(slopes) > plan.reads_per_sign else 1
    # whole samples, the same ones for any number of threads
    piece = sample_vectors * -(-8 * width // sample_vectors)
    passes = slopes.to(packed.dtype).numpy()

    def work(begins: Iterator[int]) -> None:
        scratch = _scratch(packed, len(slopes), 1, number)
        marks = aligned_empty((signs, OPERANDS, width), number)
        whole = f"i{number.itemsize}"
        memory = Marks(
            marks, marks.view(whole), np.empty((signs, width, rows), number),
            np.zeros(width, np.bool_), np.zeros(width, whole),
        )  # fmt: skip
        for begin in begins:
            some = min(piece, n - begin)
            starts, grains = _blocks(vectors.starts[begin : begin + some], width, lanes)
            here = functional.pad(sums[..., begin : begin + some], (0, len(starts) - some))
            inputs = Inputs(source, starts, grains, vectors.offsets)
            derivative = Derivative(
                real.numpy(), passes, weights.numpy(), here.contiguous().numpy(), some, out
            )
            subtract_blocks(inputs, arrays, plan, derivative, scratch, memory)

    share(work, range(0, n, piece), torch.get_num_threads())


def _number(packed: PackedColumns) -> np.dtype[Any]:
    return np.dtype(np.float32 if packed.dtype == torch.float32 else np.float64)


def _flat(source: Tensor) -> NDArray[Any]:
    return source.detach().contiguous().view(-1).numpy()


def _plan(packed: PackedColumns, number: np.dtype[Any]) -> Plan:
    planes = packed.bit_planes
    return Plan(
        packed.device_bytes,
        packed.shape[4],
        planes.levels,
        planes.bits,
        len(planes.significances),
        number.type(packed.adc.low),
        number.type(packed.adc.high),
    )


def _blocks(
    starts: NDArray[np.int64], width: int, lanes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Fill the last block with the last vector; find how many starts lie side by side in each."""
    padded = np.concatenate([starts, np.full(-len(starts) % width, starts[-1])])
    blocks = padded.reshape(-1, width)
    whole, fours = (
        (np.diff(blocks.reshape(len(blocks), -1, n), axis=2) == 1).all((1, 2)) for n in (lanes, 4)
    )
    return padded, np.where(whole, lanes, np.where(fours, 4, 1))


def _scratch(packed: PackedColumns, reads: int, columns: int, number: np.dtype[Any]) -> Scratch:
    """Allocate one thread's working memory; what a format does not need is empty."""
    in_bytes, in_digits = packed.device_bytes > 0, packed.bit_planes.levels > 0
    rows = packed.shape[4] + (-packed.shape[4] % 4 if in_bytes else 0)
    width, int32 = VECTORS * (VECTOR_BYTES // number.itemsize), np.dtype(np.int32)
    return Scratch(
        gathered=aligned_empty((rows, width), number),
        codes=aligned_empty((rows if in_digits else 0, width), int32),
        digits=aligned_empty((reads if in_digits and not in_bytes else 0, rows, width), number),
        words=aligned_empty((reads if in_bytes else 0, rows // 4, width), int32),
        digit_sums=aligned_empty((reads, width), number),
        active=np.zeros(reads, np.bool_),
        sums=aligned_empty((columns, width), number),
    )
