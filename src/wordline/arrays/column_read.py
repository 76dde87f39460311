"""A read of many arrays through a column network: few numbers at a time, so that they stay in the cache, none kept.

Arrays that see the same volts are read as one array of many columns; those of them that are programmed alike, as the
empty upper slices of small weights are, are read once. The backward pass does the read again and follows, with
G = dL/dI and dr = V_max m1 G,

    dz_k = dr (k_k + sum_h o_h (1 - t_h^2)^(3/2) u_kh),   dm_k = dz_k / m1   (k = m2, m3, f3)
    dm1 = V_max G (1 + r) + dz_4 / (rows g_on) - sum_k dm_k z_k
    dx = dm1 W^T + 2 x (dm2 W2^T) + 3 x^2 (dm3 W3^T + df3 Wq^T)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..transforms import batch_dim_first, once_differentiable, require_plain
from . import column_compiled
from .column_network import READ, ColumnNetwork, Features, at_rest, features, sigmoid_
from .column_sharing import At, Together, sharing, together, volts_at
from .samples import ArrayDesign

_CELLS = 1 << 17  # columns of samples read together
_COLUMNS = 512  # columns read together, of whole arrays


def read(network: ColumnNetwork, volts: Tensor, programmed: Tensor, design: ArrayDesign) -> Tensor:
    """Column currents `(..., batch, cols)`, ampere, for volts `(..., batch, rows)` and what `program` made.

    Leading dimensions broadcast. Differentiable once, in `volts` and in `programmed`.
    """
    weights = _Weights(network.u[:READ].T.tolist(), network.o.tolist(), network.k[:READ].tolist())
    currents: Tensor = _Read.apply(volts, programmed, weights, design)
    return currents


class _Weights(NamedTuple):
    """The network as plain numbers."""

    u: list[list[float]]  # hidden unit, feature
    o: list[float]
    k: list[float]


class _Read(torch.autograd.Function):
    @staticmethod
    def forward(volts: Tensor, programmed: Tensor, weights: _Weights, design: ArrayDesign) -> Tensor:
        lead = torch.broadcast_shapes(volts.shape[:-2], programmed.shape[:-2])
        out = volts.new_empty(*lead, volts.shape[-2], programmed.shape[-1])
        compiled = _is_compiled(volts, programmed)
        for at in sharing(volts, out):
            x, answers = volts_at(volts, lead, at) / design.volts, out[at]
            for few in _together(programmed, lead, at, alike=compiled):
                made = _split(few.programmed, design, len(weights.o))
                made_network = _network(made, weights, design) if compiled else None
                for part in few.parts(len(x)):
                    if compiled:
                        found = x.new_empty(len(x[part]), few.programmed.shape[-1])
                        column_compiled.currents(_products(x[part], made), made_network, found.numpy())
                    else:
                        f = _features(x[part], made, design)
                        found = _ratio(f.z, made[READ], made[READ + 1], weights).add_(1).mul_(f.m1).mul_(design.volts)
                    few.scatter(found, answers, part)
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, _Weights, ArrayDesign], output: Tensor) -> None:
        volts, programmed, ctx.weights, ctx.design = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(volts, programmed)
        ctx.save_for_forward(volts, programmed)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        if grads[0] is None:
            return None, None, None, None
        wanted = ctx.needs_input_grad[:2]
        found = _Back.apply(*ctx.saved_tensors, *require_plain(grads[0]), ctx.weights, ctx.design, wanted)
        to_volts, to_programmed = (x if want else None for x, want in zip(found, wanted, strict=True))
        return to_volts, to_programmed, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
        if tangents[1] is not None:
            raise NotImplementedError(
                "`programmed` of a surrogate has no forward-mode derivative; take the reverse mode for its devices"
            )
        return _Tangent.apply(*ctx.saved_tensors, tangents[0], ctx.weights, ctx.design)

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], volts: Tensor, programmed: Tensor, weights: _Weights,
        design: ArrayDesign,
    ) -> tuple[Tensor, int]:  # fmt: skip
        """More samples of the same arrays, or other arrays."""
        if dims[1] is None:
            (more,) = _as_samples(info, dims[:1], volts)
            return _Read.apply(more, programmed, weights, design).unflatten(-2, (info.batch_size, -1)), -3
        return _Read.apply(*_leading(info, dims, volts, programmed), weights, design), 0


def _as_samples(info: Any, dims: Sequence[int | None], *tensors: Tensor) -> tuple[Tensor, ...]:
    """A vmapped dimension among the samples `(..., samples, numbers)`."""
    return tuple(x.movedim(0, -3).flatten(-3, -2) for x in batch_dim_first(info.batch_size, dims, *tensors))


def _leading(info: Any, dims: Sequence[int | None], *tensors: Tensor) -> tuple[Tensor, ...]:
    """A vmapped dimension in front of leading dimensions that broadcast."""
    front = batch_dim_first(info.batch_size, dims[: len(tensors)], *tensors)
    most = max(x.dim() for x in front)
    return tuple(x[(slice(None), *(None,) * (most - x.dim()))] for x in front)


class _Back(once_differentiable("SurrogateArray.currents")):
    """Derivatives by volts and by what was programmed, those that are wanted."""

    @staticmethod
    def forward(
        volts: Tensor, programmed: Tensor, grad: Tensor, weights: _Weights, design: ArrayDesign,
        wanted: tuple[bool, bool],
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        hidden, lead, compiled = len(weights.o), grad.shape[:-2], _is_compiled(volts, programmed)
        to_volts, to_programmed = (
            torch.zeros_like(x) if want else x.new_empty(0) for x, want in zip((volts, programmed), wanted, strict=True)
        )
        for at in sharing(volts, grad):
            x, towards = volts_at(volts, lead, at) / design.volts, grad[at]
            for few in _together(programmed, lead, at, alike=compiled and not wanted[1]):
                made = _split(few.programmed, design, hidden)
                w, w2, w3, wq = made[:READ]
                for part in few.parts(len(x)):
                    here, above = x[part], few.gather(towards, part)
                    if compiled:
                        dm, rest = _descend_compiled(here, made, above, weights, design)
                    else:
                        dm, rest = _descend(_features(here, made, design), made, above, weights, design)
                    if wanted[0]:
                        dx = dm[0] @ w.T + 2 * here * (dm[1] @ w2.T)
                        dx += 3 * here * here * (dm[2] @ w3.T + dm[3] @ wq.T)
                        volts_at(to_volts, lead, at)[part] += dx / design.volts
                    if wanted[1]:
                        powers = (here.T, (here * here).T, (here**3).T, (here**3).T)
                        blocks = [power @ d for power, d in zip(powers, dm, strict=True)]
                        few.add(torch.cat([*blocks, rest]), to_programmed.expand(*lead, *programmed.shape[-2:])[at])
        return to_volts, to_programmed

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], volts: Tensor, programmed: Tensor, grad: Tensor, weights: _Weights,
        design: ArrayDesign, wanted: tuple[bool, bool],
    ) -> tuple[tuple[Tensor, ...], tuple[int | None, ...]]:  # fmt: skip
        if dims[1] is None and not wanted[1]:
            more, grads = _as_samples(info, (dims[0], dims[2]), volts, grad)
            to_volts, none = _Back.apply(more, programmed, grads, weights, design, wanted)
            return (to_volts.unflatten(-2, (info.batch_size, -1)), none), (to_volts.dim() - 2, None)
        ends = volts.dim() - (dims[0] is not None), programmed.dim() - (dims[1] is not None)
        found = _Back.apply(*_leading(info, dims, volts, programmed, grad), weights, design, wanted)
        each = zip(found, ends, wanted, strict=True)
        made = tuple(x.flatten(0, x.dim() - 1 - end) if want else x for x, end, want in each)
        return made, tuple(0 if want else None for want in wanted)


class _Tangent(once_differentiable("SurrogateArray.currents")):
    """dI for changes of the volts: what a current gains with each product, times how the product changes."""

    @staticmethod
    def forward(volts: Tensor, programmed: Tensor, dv: Tensor, weights: _Weights, design: ArrayDesign) -> Tensor:
        made = _split(programmed, design, len(weights.o))
        x, dx = volts / design.volts, dv / design.volts
        lead = torch.broadcast_shapes(volts.shape[:-2], programmed.shape[:-2])
        out = volts.new_empty(*lead, volts.shape[-2], programmed.shape[-1])
        for at in itertools.product(*map(range, lead)):
            here, change = (y.expand(*lead, *y.shape[-2:])[at] for y in (x, dx))
            arrays = tuple(y.expand(*lead, *y.shape[-2:])[at] for y in made)
            found = _features(here, arrays, design)
            slopes, _ = _descend(found, arrays, torch.ones_like(found.m1), weights, design)
            changes = change, 2 * here * change, 3 * here * here * change, 3 * here * here * change
            out[at] = sum(s * (d @ w) for s, d, w in zip(slopes, changes, arrays[:READ], strict=True))
        return out

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], volts: Tensor, programmed: Tensor, dv: Tensor, weights: _Weights,
        design: ArrayDesign,
    ) -> tuple[Tensor, int]:  # fmt: skip
        if dims[1] is None:
            more, change = _as_samples(info, (dims[0], dims[2]), volts, dv)
            return _Tangent.apply(more, programmed, change, weights, design).unflatten(-2, (info.batch_size, -1)), -3
        return _Tangent.apply(*_leading(info, dims, volts, programmed, dv), weights, design), 0


def _together(programmed: Tensor, lead: torch.Size, at: At, *, alike: bool) -> Iterator[Together]:
    return together(programmed.expand(*lead, *programmed.shape[-2:])[at], alike=alike, columns=_COLUMNS, cells=_CELLS)


def _split(programmed: Tensor, design: ArrayDesign, hidden: int) -> tuple[Tensor, ...]:
    """Four matrices, the hidden units' biases and the skip, of one array."""
    rows = design.tile[0]
    return programmed.split([rows, rows, rows, rows, hidden, 1], -2)


def _is_compiled(volts: Tensor, programmed: Tensor) -> bool:
    """Whether the pass over memory is the compiled one: on the processor."""
    both = (volts, programmed)
    return all(x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64) for x in both)


def _products(x: Tensor, made: tuple[Tensor, ...]) -> column_compiled.Products:
    """m1, m2, m3, f3, `(samples, cols)`."""
    square = x * x
    powers = (x, square, square * x)
    found = ((powers[i] @ w).numpy() for i, w in zip((0, 1, 2, 2), made[:READ], strict=True))
    return column_compiled.Products(*found)


def _network(made: tuple[Tensor, ...], weights: _Weights, design: ArrayDesign) -> column_compiled.Network:
    """Biases and skip of the columns, the weights and the design's constants, for the compiled pass."""
    bias, skip = made[READ].numpy(), made[READ + 1][0].numpy()
    number = bias.dtype.type
    scales = at_rest(design), 1 / (design.tile[0] * design.g_on_siemens), design.volts
    given = (np.array(w, bias.dtype) for w in weights)
    return column_compiled.Network(bias, skip, *given, *(number(scale) for scale in scales))


def _descend_compiled(
    x: Tensor, made: tuple[Tensor, ...], grad: Tensor, weights: _Weights, design: ArrayDesign
) -> tuple[list[Tensor], Tensor]:
    """`_descend` in one pass over memory."""
    products = _products(x, made)
    sums = x.new_zeros(len(weights.o) + 1, grad.shape[-1])
    column_compiled.descend(products, grad.numpy(), _network(made, weights, design), sums.numpy())
    return [torch.from_numpy(product) for product in products], sums


def _features(x: Tensor, made: tuple[Tensor, ...], design: ArrayDesign) -> Features:
    w, w2, w3, wq = made[:READ]
    return features(x, w, w2, w3, wq, design)


def _unit(h: int, z: tuple[Tensor, ...], bias: Tensor, weights: _Weights) -> Tensor:
    t = torch.add(bias[h], z[0], alpha=weights.u[h][0])
    for feature, factor in zip(z[1:], weights.u[h][1:], strict=True):
        t.add_(feature, alpha=factor)
    return sigmoid_(t)


def _ratio(z: tuple[Tensor, ...], bias: Tensor, skip: Tensor, weights: _Weights) -> Tensor:
    r = torch.add(skip, z[0], alpha=weights.k[0])
    for feature, factor in zip(z[1:], weights.k[1:], strict=True):
        r.add_(feature, alpha=factor)
    for h, factor in enumerate(weights.o):
        r.add_(_unit(h, z, bias, weights), alpha=factor)
    return r


def _descend(
    found: Features, made: tuple[Tensor, ...], grad: Tensor, weights: _Weights, design: ArrayDesign
) -> tuple[list[Tensor], Tensor]:
    """Gradients by m1, m2, m3, f3, `(samples, cols)`; and by the biases and the skip, `(hidden + 1, cols)`."""
    m1, z, relative = found
    bias, skip = made[READ:]
    r = _ratio(z, bias, skip, weights)
    g = design.volts * grad
    dr = g * m1
    slopes = [torch.full_like(m1, factor) for factor in weights.k]
    rest = []
    for h, factor in enumerate(weights.o):
        flat = _unit(h, z, bias, weights).square_().neg_().add_(1)
        flat.mul_(flat.sqrt())
        rest.append(factor * (flat * dr).sum(0))
        for slope, weight in zip(slopes, weights.u[h], strict=True):
            slope.add_(flat, alpha=factor * weight)
    dz = [slope.mul_(dr) for slope in slopes]
    dm = [d * relative for d in dz[:3]]
    down = (dm[0] * z[0] + dm[1] * z[1] + dm[2] * z[2]) * (m1 > at_rest(design))  # else `relative` is a constant
    dm1 = g * (1 + r) + dz[3] / (design.tile[0] * design.g_on_siemens) - down
    return [dm1, *dm], torch.stack([*rest, dr.sum(0)])
