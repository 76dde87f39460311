"""Programming of weight matrices: the pipeline from weights to devices to effective weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ..circuits.effective import through_wires
from ..transforms import concrete
from .blocks import Block, TensorAssembly
from .cells import tile_blocks
from .conductances import program_blocks
from .crossbar import Crossbar
from .nonideality_factor import block_nonideality_factors
from .packing import pack
from .scale import nonzero_w_max
from .tiling import join, split

Observer = Callable[[int, Block, Tensor], None]


@dataclass(frozen=True, eq=False)
class ProgrammedMatrix:
    """A weight matrix on a crossbar: its devices, and the matrix that they multiply by.

    `conductances` `(arrays, groups, row_tiles, col_tiles, rows, cols)`, siemens, the slices of a
    weight outermost among the arrays; `response`: the arrays as prepared for reads, of the same
    leading dimensions; `weight` `(groups, K, C)`: the effective weights at small signals, without
    converters; `gain`: broadcasts over `weight`, which includes it; `w_max`: the weight that fills
    the conductance window, or one a column; `nf`: mean non-ideality factor of the arrays.
    """

    conductances: Tensor
    response: Tensor
    weight: Tensor
    gain: Tensor
    w_max: Tensor
    nf: Tensor


def program(matrix: Tensor, crossbar: Crossbar, *, generator: torch.Generator) -> ProgrammedMatrix:
    """Program weights `(groups, K, C)` (K inputs, C outputs) onto a crossbar and solve its circuit.

        u = w / w_max  ->  tiles  ->  shares = encode(u)  ->  slices  ->  G  ->  non-idealities
        W = circuit(G),   w_hat = gain * w_max * decode(W)

    Exact for ohmic devices: inputs times w_hat is what Kirchhoff's laws give. Pad cells are
    programmed like a weight of zero, their rows held at 0 V through the driver and their columns
    terminated. Differentiable in `matrix`. Every draw comes from `generator`; what is drawn at each
    read belongs to `read_noise`. Source: docs/physics.md, sections 1, 4, 5 and 6.
    """
    return program_many(matrix, crossbar, (generator,))[0]


def program_many(
    matrix: Tensor, crossbar: Crossbar, generators: Sequence[torch.Generator]
) -> tuple[ProgrammedMatrix, ...]:
    """Program the same weights on several samples of a crossbar, one for each generator.

    Each result equals that of `program` bit for bit. A large layer is programmed block by block,
    unless a derivative is tracked, so that only the results grow with the layer. All samples of a
    block are solved in one call. Autocast has no effect.
    """
    with torch.autocast(matrix.device.type, enabled=False):  # siemens do not fit into 16 bits
        return _program_many(matrix, crossbar, generators)


def _program_many(
    matrix: Tensor, crossbar: Crossbar, generators: Sequence[torch.Generator]
) -> tuple[ProgrammedMatrix, ...]:
    if not concrete(matrix).isfinite().all():
        raise ValueError("`matrix` holds NaN or Inf weights; a device cannot be programmed to them")
    encoding, slicing = crossbar.encoding, crossbar.slicing
    tile = crossbar.tile[0], crossbar.weight_cols
    given, matrix = matrix, pack(matrix, crossbar.packing, tile)
    w_max = crossbar.scale.w_max(matrix if crossbar.scale.columnwise else given)
    blocks = tile_blocks(matrix, crossbar, samples=len(generators))

    @lru_cache(maxsize=1)  # the only block of a small layer is encoded once
    def target(block: Block) -> Tensor:
        place = block.weights(tile)
        largest = w_max[place[0], :, place[2]] if crossbar.scale.columnwise else w_max
        units = (matrix[place] / nonzero_w_max(largest)).clamp(-1, 1)
        tiles = split(units, tile, fill=0.0)
        shares = encoding.shares(tiles, slicing.zero_share)
        return crossbar.device.conductance(slicing.slice_digits(shares, encoding.sign_bits))

    undrifted = _solve_undrifted(target, blocks, matrix, crossbar, generators)
    realised = [program_blocks(target, blocks, crossbar, generator) for generator in generators]
    if len(realised) > 1 and len(blocks) == 1:  # ideal devices: give each sample its own memory
        realised = [g.clone() if g is target(blocks[0]) else g for g in realised]
    factors = [TensorAssembly(tuple(g.shape[:-2])) for g in realised]

    def measure_nf(sample: int, block: Block, effective: Tensor) -> None:
        g, w = target(block).detach(), effective.detach()
        nf = block_nonideality_factors(g, w, block, matrix.shape, crossbar)
        factors[sample].put(nf, (slice(None), *block.tiles))

    results = []
    solved = solve(realised, crossbar, matrix, measure_nf)
    for n, (g, (response, shares)) in enumerate(zip(realised, solved, strict=True)):
        effective = _to_weights(shares, w_max)
        measured = effective if undrifted is None else _to_weights(undrifted[n], w_max)
        gain = crossbar.gain.solve(measured, matrix)
        nf = torch.nanmean(factors[n].tensor).double()
        weight = multiply(gain, effective)
        results.append(ProgrammedMatrix(g, response, weight, gain, w_max, nf))
    return tuple(results)


def solve(
    realised: Sequence[Tensor],
    crossbar: Crossbar,
    matrix: Tensor,
    observe: Observer = lambda sample, block, effective: None,
) -> list[tuple[Tensor, Tensor]]:
    """Solve samples of devices block by block: (response, effective matrix) of each.

    The matrix is relative to w_max and has the shape and memory layout of `matrix`. The response is
    what a read multiplies by: the conductances themselves where the array reads those, or where the
    matrix is all that a read needs. `observe(sample, block, W)` is called with the effective
    conductances of each block.
    """
    array, wires, tile = crossbar.array, crossbar.wires, (crossbar.tile[0], crossbar.weight_cols)
    reads_conductances = crossbar.is_matrix or array.reads_conductances(wires)
    responses = [TensorAssembly(tuple(g.shape[:-2])) for g in realised]
    matrices = [TensorAssembly(tuple(matrix.shape), like=matrix) for _ in realised]
    for block in tile_blocks(matrix, crossbar, samples=len(realised)):
        g = torch.stack([of_sample[(slice(None), *block.tiles)] for of_sample in realised])
        programmed = array.program(g, wires)
        effective = programmed if array.linear else through_wires(g, wires)
        place = block.weights(tile)
        shape = matrix[place].shape[1], matrix[place].shape[2]
        for n in range(len(realised)):
            if not reads_conductances:
                # A copy, so that keeping one sample does not keep them all.
                own = programmed[n].clone() if len(realised) > 1 else programmed[n]
                responses[n].put(own, (slice(None), *block.tiles))
            matrices[n].put(decode(effective[n], crossbar, shape), place)
            observe(n, block, effective[n])
    read = realised if reads_conductances else [response.tensor for response in responses]
    return [(response, of.tensor) for response, of in zip(read, matrices, strict=True)]


def _solve_undrifted(
    target: Callable[[Block], Tensor],
    blocks: Sequence[Block],
    matrix: Tensor,
    crossbar: Crossbar,
    generators: Sequence[torch.Generator],
) -> list[Tensor] | None:
    """Solve for the matrices before drift; None where the gain is not measured on them."""
    undrifted = crossbar.before_drift
    if crossbar.gain.at_reading or undrifted == crossbar:
        return None
    copies = [torch.Generator(g.device).set_state(g.get_state()) for g in generators]
    realised = [program_blocks(target, blocks, undrifted, generator) for generator in copies]
    return [shares for _, shares in solve(realised, undrifted, matrix)]


def _to_weights(shares: Tensor, w_max: Tensor) -> Tensor:
    """Multiply by w_max; a layer of zeros gives zero, with the gradient of a layer near zero."""
    return multiply(w_max, shares) if w_max.dim() or w_max > 0 else shares - shares.detach()


def multiply(factor: Tensor, matrix: Tensor) -> Tensor:
    """Multiply, in the memory of the matrix where no derivative passes through it."""
    tracked = torch.is_grad_enabled() and (matrix.requires_grad or factor.requires_grad)
    return factor * matrix if tracked else matrix.mul_(factor)


def decode(effective: Tensor, crossbar: Crossbar, shape: tuple[int, int]) -> Tensor:
    """Turn effective conductances of all arrays into the matrix `(groups, *shape)`, in w_max."""
    encoding, slicing = crossbar.encoding, crossbar.slicing
    shares = slicing.combine_digits(effective / crossbar.window_siemens, encoding.sign_bits)
    return join(encoding.difference(shares, slicing.zero_share), shape)
