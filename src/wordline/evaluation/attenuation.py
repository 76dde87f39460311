"""The mean gain of a chip, layer by layer: how much smaller its products are than software's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from ..datasets import ImageSplit, Pairs, as_split
from ..defenses.layer_noise import layer_named
from ..hooks import forward_pre_hooks
from ..mapping.packing import pack
from ..models.batches import batches
from ..nn import AbstractMappedLayer, Chip
from ..nn.layers.matrix_view import DigitalLayer, MatrixView
from ..nn.layers.product import AbstractProduct
from ..nn.layers.transposed import TransposedProduct
from ..nn.rebuilt import with_weights
from ..records.origin import PARTS
from ..values import require_choice, require_integer, takes_numbers
from .read_noise import restart_noise
from .requirements import require_evaluation_mode, require_fit

Per = Literal["layer", "column", "network"]


@takes_numbers
def attenuation(
    *,
    software: nn.Module,
    chip: Chip,
    per: Per = "layer",
    data: Pairs | None = None,
    limit: int = 100,
    batch_size: int = 100,
) -> dict[str, Tensor]:
    """Project the products of a chip on those of its software network: name of a matrix -> factor.

        factor = sum(w w') / sum(w w)

    w are the software weights, w' the chip's effective ones with their gain; the sums are over a
    layer (a factor `()`), over each column of its arrays (`(columns,)`, one for each output;
    those of a transposed convolution are output and place in the window), or over all layers
    (`()`, the same for all). w' = factor w + rest, with the rest at right angles to w. Float64; 1
    where all w are zero.

    Read noise, which has no mean, is left out. A layer behind converters, of curved devices or of
    sliced weights has no w'. Its factor is the same projection of its outputs on software's, both
    without bias and given the activations of the software network for the first `limit` images of
    `data` (0: all), over all calls of the layer; the read noise of the chip begins anew for it.
    `per="network"` then takes the outputs of every layer.

    Raises TypeError for what is no `Chip`, ValueError for another network than the one that was
    mapped, for a layer without a matrix if there is no `data`, for the columns of a transposed
    convolution without one, and for factors that are not finite.

    >>> from wordline.mapping import Crossbar
    >>> from wordline.nn import map_model
    >>> net = nn.Sequential(nn.Linear(4, 2)).eval()
    >>> ideal = map_model(net, Crossbar.preset("ideal"))
    >>> round(attenuation(software=net, chip=ideal)["0"].item(), 6)
    1.0
    """
    require_evaluation_mode("software", software)
    require_evaluation_mode("chip", chip)
    if not isinstance(chip, Chip):
        raise TypeError(
            f"`chip` must be a Chip, whose layers are known, got {type(chip).__name__}; pass what "
            "map_model returned (map a wrapper such as Normalized with its network inside)"
        )
    require_choice("per", per, PARTS)
    require_integer("limit", limit, at_least=0)
    require_integer("batch_size", batch_size, at_least=1)
    views = _views(software, chip)
    read = {name: layer for name, layer in chip.layers.items() if not layer.crossbar.is_matrix}
    measured = chip.layers if read and per == "network" else read
    sums = {
        name: _matrix_sums(views[name], layer)
        for name, layer in chip.layers.items() if name not in measured
    }  # fmt: skip
    if measured:
        if data is None:
            raise ValueError(
                f"`chip` layer {next(iter(read))!r} has no matrix (converters, curved devices or "
                "slices), so its attenuation is measured on images; pass `data`, training images"
            )
        split = as_split(data, limit=limit)
        require_fit("software", software, split)
        sums |= _output_sums(software, chip, measured, split, batch_size, per)
    return {name: _require_finite(name, factor) for name, factor in _factors(sums, per).items()}


def _views(software: nn.Module, chip: Chip) -> dict[str, MatrixView]:
    """View software's matrices that are on the chip; refuse another network."""
    views: dict[str, MatrixView] = {}

    def view(name: str, found: MatrixView) -> Tensor:
        views[name] = found
        return found.weight

    with_weights(software, view, chip.layers)
    for name, layer in chip.layers.items():
        own = views[name].weight.shape
        if layer.weight_count != own.numel():
            raise ValueError(
                f"`software` layer {name!r} of shape {tuple(own)} has another size than the "
                f"chip's, {layer.weight_count} weights; pass the network that was mapped"
            )
    return views


@torch.no_grad()
def _matrix_sums(view: MatrixView, layer: AbstractMappedLayer) -> Tensor:
    """Sum w w' and w w over each column, `(2, columns)`."""
    crossbar = layer.crossbar
    theirs = _effective(layer).double()
    own = view.product.to_matrix(view.weight).double()
    own = pack(own, crossbar.packing, (crossbar.tile[0], crossbar.weight_cols)).to(theirs)
    groups, _, columns = view.matrix_shape
    both = torch.stack((own * theirs, own * own)).sum(2).flatten(1)
    return both[:, : groups * columns]  # the last pack of shared tiles may lack groups


def _effective(layer: AbstractMappedLayer) -> Tensor:
    """Return the effective matrices `(groups, K, C)`, of a trainable layer those of now."""
    if layer.reprogrammed:
        return layer.arrays_state().weight
    return layer.product.to_matrix(layer.effective_weight)


def _output_sums(
    software: nn.Module,
    chip: Chip,
    layers: Mapping[str, AbstractMappedLayer],
    split: ImageSplit,
    batch_size: int,
    per: Per,
) -> dict[str, Tensor]:
    """Sum y y' and y y of outputs without bias: over each column, or over all, `(2, columns)`."""
    own = with_weights(software, lambda name, view: view.weight, layers)
    parts = {name: cast(DigitalLayer, layer_named(own, name)) for name in layers}
    sums: dict[str, Tensor] = {}

    def add(name: str, layer: nn.Module, args: tuple[Any, ...], words: dict[str, Any]) -> None:
        x, *rest = (*args, *words.values())  # as `forward` names them: input, output_size
        part = parts[name]
        zero = torch.zeros_like(x[:1] if part.product.is_batched(x) else x)
        both = (part.forward, layers[name])  # `forward` itself, for a call would come here again
        outputs = [f(x, *rest) - f(zero, *rest) for f in both]
        y, other = (_by_column(name, part.product, out.double(), per) for out in outputs)
        found = torch.stack(((y * other).sum(1), (y * y).sum(1)))
        sums[name] = sums.get(name, torch.zeros_like(found)) + found

    with torch.no_grad(), forward_pre_hooks(parts, add):
        for batch in batches(own, split.images, split.labels, batch_size):
            restart_noise(chip, "attenuation", batch.start)
            own(batch.images)
    unused = [name for name in layers if name not in sums]
    if unused:
        raise ValueError(
            f"`data` passes no activations through layer {unused[0]!r} of the chip; map without it "
            "(`exclude`), for nothing is known of its attenuation"
        )
    return sums


def _by_column(name: str, product: AbstractProduct, y: Tensor, per: Per) -> Tensor:
    """Lay outputs out as `(columns, numbers)`; as one column unless `per` asks for each."""
    if per != "column":
        return y.reshape(1, -1)
    if isinstance(product, TransposedProduct):
        raise ValueError(
            f"`chip` layer {name!r} adds the columns of its arrays up (a transposed convolution), "
            'so that its outputs do not tell them apart; use per="layer"'
        )
    return y.movedim(-1 - getattr(product, "dims", 0), 0).flatten(1)


def _factors(sums: Mapping[str, Tensor], per: Per) -> dict[str, Tensor]:
    if per == "column":
        return {name: _ratio(*found) for name, found in sums.items()}
    if per == "layer":
        return {name: _ratio(*found.sum(1)) for name, found in sums.items()}
    whole = _ratio(*torch.stack([found.sum(1) for found in sums.values()]).sum(0))
    return dict.fromkeys(sums, whole)


def _ratio(cross: Tensor, square: Tensor) -> Tensor:
    return torch.where(square == 0, 1.0, cross / square.where(square != 0, 1.0))


def _require_finite(name: str, factor: Tensor) -> Tensor:
    if not factor.isfinite().all():
        raise ValueError(
            f"`chip` layer {name!r} has an attenuation that is not finite; its arrays hold NaN or "
            "Inf"
        )
    return factor
