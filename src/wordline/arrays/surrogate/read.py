"""Differentiable reads of many arrays through a column network.

Arrays that are driven with the same volts are read as one array of many columns. Those of them that
are programmed alike, as the empty upper slices of small weights are, are read once. The batch is
read in chunks whose intermediate numbers stay in the cache; none of them is stored. The backward
pass computes the chunks again and follows with

    dx = dm1 W^T + 2 x (dm2 W2^T) + 3 x^2 (dm3 W3^T + df3 Wq^T)

where `column_passes` gives dm1, dm2, dm3 and df3.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ...transforms import batch_dim_first, once_differentiable, require_plain
from .broadcast_groups import Index, StackedArrays, broadcast_groups, stack_arrays, volts_at
from .column_network import ColumnNetwork, compute_features
from .column_passes import (
    NetworkWeights,
    ProgrammedColumns,
    backward_from_features,
    backward_pass,
    backward_pass_compiled,
    forward_pass,
    forward_pass_compiled,
)
from .design import ArrayDesign

_CELLS = 1 << 17  # samples times columns that are read together
_COLUMNS = 512  # columns that are read together, of whole arrays


def read(network: ColumnNetwork, volts: Tensor, programmed: Tensor, design: ArrayDesign) -> Tensor:
    """Read column currents `(..., batch, cols)`, ampere, for volts `(..., batch, rows)`.

    `programmed` is what `program_columns` made. Leading dimensions broadcast. Differentiable once,
    in `volts` and in `programmed`.
    """
    currents: Tensor = _Read.apply(volts, programmed, NetworkWeights.of(network), design)
    return currents


class _Read(torch.autograd.Function):
    @staticmethod
    def forward(
        volts: Tensor, programmed: Tensor, weights: NetworkWeights, design: ArrayDesign
    ) -> Tensor:
        lead = torch.broadcast_shapes(volts.shape[:-2], programmed.shape[:-2])
        out = volts.new_empty(*lead, volts.shape[-2], programmed.shape[-1])
        compiled = _is_compiled(volts, programmed)
        forward = forward_pass_compiled if compiled else forward_pass
        for group in broadcast_groups(volts, out):
            x, currents = volts_at(volts, lead, group) / design.volts, out[group]
            for stack in _stacks(programmed, lead, group, merge_equal=compiled):
                columns = ProgrammedColumns.of(stack.programmed, design, len(weights.o))
                for batch in stack.batch_slices(len(x)):
                    stack.scatter(forward(x[batch], columns, weights, design), currents, batch)
        return out

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Tensor, Tensor, NetworkWeights, ArrayDesign], output: Tensor
    ) -> None:
        volts, programmed, ctx.weights, ctx.design = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(volts, programmed)
        ctx.save_for_forward(volts, programmed)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        if grads[0] is None:
            return None, None, None, None
        needed = ctx.needs_input_grad[:2]
        found = _Backward.apply(
            *ctx.saved_tensors, *require_plain(grads[0]), ctx.weights, ctx.design, needed
        )
        grad_volts, grad_programmed = (x if n else None for x, n in zip(found, needed, strict=True))
        return grad_volts, grad_programmed, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
        if tangents[1] is not None:
            raise NotImplementedError(
                "`programmed` of a surrogate has no forward-mode derivative; "
                "take the reverse mode for its devices"
            )
        return _Tangent.apply(*ctx.saved_tensors, tangents[0], ctx.weights, ctx.design)

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], volts: Tensor, programmed: Tensor, *rest: Any
    ) -> tuple[Tensor, int]:
        if dims[1] is None:
            (more,) = _as_samples(info, dims[:1], volts)
            currents = _Read.apply(more, programmed, *rest)
            return currents.unflatten(-2, (info.batch_size, -1)), -3
        return _Read.apply(*_leading(info, dims, volts, programmed), *rest), 0


class _Backward(once_differentiable("SurrogateArray.currents")):
    """Derivatives by the volts and by what was programmed, as far as `needed`."""

    @staticmethod
    def forward(
        volts: Tensor,
        programmed: Tensor,
        grad: Tensor,
        weights: NetworkWeights,
        design: ArrayDesign,
        needed: tuple[bool, bool],
    ) -> tuple[Tensor, Tensor]:
        lead, compiled = grad.shape[:-2], _is_compiled(volts, programmed)
        backward = backward_pass_compiled if compiled else backward_pass
        grad_volts, grad_programmed = (
            torch.zeros_like(x) if n else x.new_empty(0)
            for x, n in zip((volts, programmed), needed, strict=True)
        )
        for group in broadcast_groups(volts, grad):
            x, grad_currents = volts_at(volts, lead, group) / design.volts, grad[group]
            merge_equal = compiled and not needed[1]  # each array wants a derivative of its own
            for stack in _stacks(programmed, lead, group, merge_equal=merge_equal):
                columns = ProgrammedColumns.of(stack.programmed, design, len(weights.o))
                for batch in stack.batch_slices(len(x)):
                    here, above = x[batch], stack.gather(grad_currents, batch)
                    dm, sums = backward(here, columns, above, weights, design)
                    if needed[0]:
                        w, w2, w3, wq = columns.matrices
                        dx = dm[0] @ w.T + 2 * here * (dm[1] @ w2.T)
                        dx += 3 * here * here * (dm[2] @ w3.T + dm[3] @ wq.T)
                        volts_at(grad_volts, lead, group)[batch] += dx / design.volts
                    if needed[1]:
                        powers = (here.T, (here * here).T, (here**3).T, (here**3).T)
                        blocks = [power @ d for power, d in zip(powers, dm, strict=True)]
                        whole = grad_programmed.expand(*lead, *programmed.shape[-2:])
                        stack.add_to(whole[group], torch.cat([*blocks, sums]))
        return grad_volts, grad_programmed

    @staticmethod
    def vmap(
        info: Any,
        dims: tuple[int | None, ...],
        volts: Tensor,
        programmed: Tensor,
        grad: Tensor,
        *rest: Any,
    ) -> tuple[tuple[Tensor, ...], tuple[int | None, ...]]:
        needed = rest[-1]
        if dims[1] is None and not needed[1]:
            more, grads = _as_samples(info, (dims[0], dims[2]), volts, grad)
            grad_volts, empty = _Backward.apply(more, programmed, grads, *rest)
            grad_volts = grad_volts.unflatten(-2, (info.batch_size, -1))
            return (grad_volts, empty), (grad_volts.dim() - 3, None)
        ends = volts.dim() - (dims[0] is not None), programmed.dim() - (dims[1] is not None)
        found = _Backward.apply(*_leading(info, dims, volts, programmed, grad), *rest)
        gradients = tuple(
            x.flatten(0, x.dim() - 1 - end) if n else x
            for x, end, n in zip(found, ends, needed, strict=True)
        )
        return gradients, tuple(0 if n else None for n in needed)


class _Tangent(once_differentiable("SurrogateArray.currents")):
    """Change of the currents for a change of the volts: dI/dm dm, summed over the products m."""

    @staticmethod
    def forward(
        volts: Tensor, programmed: Tensor, dv: Tensor, weights: NetworkWeights, design: ArrayDesign
    ) -> Tensor:
        columns = ProgrammedColumns.of(programmed, design, len(weights.o))
        x, dx = volts / design.volts, dv / design.volts
        lead = torch.broadcast_shapes(volts.shape[:-2], programmed.shape[:-2])
        out = volts.new_empty(*lead, volts.shape[-2], programmed.shape[-1])
        for position in itertools.product(*map(range, lead)):
            here, change, *matrices, bias, skip = (
                y.expand(*lead, *y.shape[-2:])[position]
                for y in (x, dx, *columns.matrices, columns.bias, columns.skip)
            )
            array = ProgrammedColumns(tuple(matrices), bias, skip)
            features = compute_features(here, array.matrices, design)
            ones = torch.ones_like(features.m1)
            slopes, _ = backward_from_features(features, array, ones, weights, design)
            cubic = 3 * here * here * change
            changes = change, 2 * here * change, cubic, cubic
            out[position] = sum(
                s * (d @ w) for s, d, w in zip(slopes, changes, matrices, strict=True)
            )
        return out

    @staticmethod
    def vmap(
        info: Any,
        dims: tuple[int | None, ...],
        volts: Tensor,
        programmed: Tensor,
        dv: Tensor,
        *rest: Any,
    ) -> tuple[Tensor, int]:
        if dims[1] is None:
            more, change = _as_samples(info, (dims[0], dims[2]), volts, dv)
            tangent = _Tangent.apply(more, programmed, change, *rest)
            return tangent.unflatten(-2, (info.batch_size, -1)), -3
        return _Tangent.apply(*_leading(info, dims, volts, programmed, dv), *rest), 0


def _as_samples(info: Any, dims: Sequence[int | None], *tensors: Tensor) -> tuple[Tensor, ...]:
    """Put a vmapped dimension among the samples `(..., samples, numbers)`."""
    front = batch_dim_first(info.batch_size, dims, *tensors)
    return tuple(x.movedim(0, -3).flatten(-3, -2) for x in front)


def _leading(info: Any, dims: Sequence[int | None], *tensors: Tensor) -> tuple[Tensor, ...]:
    """Put a vmapped dimension in front of leading dimensions that broadcast."""
    front = batch_dim_first(info.batch_size, dims[: len(tensors)], *tensors)
    most = max(x.dim() for x in front)
    return tuple(x[(slice(None), *(None,) * (most - x.dim()))] for x in front)


def _stacks(
    programmed: Tensor, lead: torch.Size, group: Index, *, merge_equal: bool
) -> Iterator[StackedArrays]:
    arrays = programmed.expand(*lead, *programmed.shape[-2:])[group]
    return stack_arrays(arrays, merge_equal=merge_equal, columns=_COLUMNS, cells=_CELLS)


def _is_compiled(volts: Tensor, programmed: Tensor) -> bool:
    """Return True where compiled passes can run: on the processor, in float32 or float64."""
    both = (volts, programmed)
    return all(x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64) for x in both)
