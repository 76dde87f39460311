"""The first layer of a randomised network as a matrix whose outputs carry unit noise."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...devices import FixedRange
from ...mapping.full_scale import column_noise
from ...nn import AbstractMappedLayer
from ...nn.layers.linear import LinearProduct
from ...nn.layers.product import AbstractProduct
from ...nn.reading.read_plain import merge_currents, off_share
from ..matched_noise import NoisyLayer


def is_input_noise(module: nn.Module) -> bool:
    """Tell whether a module is Gaussian noise on its input and nothing else."""
    return isinstance(module, NoisyLayer) and isinstance(module.layer, nn.Identity)


def normalised_map(layer: nn.Module, name: str) -> tuple[AbstractProduct, Tensor]:
    """Return a layer's product, and its matrices `(groups, K, S)` for noise of deviation one.

        z = D^(-1/2) (W x + n),    n ~ N(0, D)

    S outputs, in double precision, are those that carry independent noise. With ideal ADCs an
    output is the sum of its row tiles and arrays, and so is its noise. Behind real ADCs that sum is
    one of codes: z is then every column of every tile, each with its own noise in front of its own
    ADC. The columns of an `OffsetColumn`, which share the noise of a reference, are treated alike.

    Noise at the input itself is a matrix of one number, for every pixel. Raises ValueError for
    layers whose noise is not independent, additive, Gaussian and the same for every image; the
    message says why.
    """
    if isinstance(layer, AbstractMappedLayer):
        _require_gaussian(layer, name)
        crossbar, product = layer.crossbar, layer.product
        if not crossbar.adc.ideal or crossbar.encoding.spare_cols:
            return product, _columns(layer)
        matrix = product.to_matrix(layer.effective_weight.double())
        return product, matrix / layer.output_noise_std().double().view(len(matrix), 1, -1)
    deviation = float(getattr(layer, "deviation", 0.0))
    if not deviation > 0:
        raise ValueError(
            f"`victim` has input noise of deviation {deviation:g}, which gives no certificate; "
            "give it one above 0"
        )
    return LinearProduct(), torch.ones(1, 1, 1, dtype=torch.float64) / deviation


def _columns(layer: AbstractMappedLayer) -> Tensor:
    """Return matrices `(groups, K, row tiles * converters * columns)` for unit noise.

    Columns without weights, whose codes nobody reads, are left out.
    """
    crossbar, (groups, inputs, outputs) = layer.crossbar, layer.matrix_shape
    response = layer.arrays_state().response.double()
    shares = response / crossbar.window_siemens - off_share(crossbar)
    columns = merge_currents(shares, crossbar)  # (converters, groups, row, col tiles, rows, cols)
    row_tiles, col_tiles, rows, cols = columns.shape[2:]
    weights = torch.arange(col_tiles * crossbar.weight_cols).view(col_tiles, -1) < outputs
    spare = weights.any(1, keepdim=True).expand(-1, cols - crossbar.weight_cols)
    read = torch.cat((weights, spare), 1).flatten().to(columns.device)
    flat = columns.transpose(3, 4).flatten(4)[..., read]  # (converters, groups, tiles, rows, read)
    stacked = flat.new_zeros(groups, row_tiles, rows, row_tiles, len(flat), flat.shape[-1])
    for tile in range(row_tiles):  # a row tile sees its own inputs
        stacked[:, tile, :, tile] = flat[:, :, tile].permute(1, 2, 0, 3)
    matrix = stacked.flatten(3).flatten(1, 2)[:, :inputs]
    full_input = crossbar.dac.input_limit(layer.gain, layer.input_limit).double()
    return matrix / (column_noise(crossbar, layer.output_limit) * full_input)


def _require_gaussian(layer: AbstractMappedLayer, name: str) -> None:
    """Refuse a layer whose noise gives no certificate, in words."""
    crossbar, noise = layer.crossbar, layer.crossbar.output_noise
    where = f"`victim` has a first mapped layer {name!r}"
    if layer.reprogrammed:
        raise ValueError(
            f"{where} that programs itself at each pass; map the network without trainable=True"
        )
    if crossbar.noisy_devices:
        kinds = ", ".join(type(n).__name__ for n in crossbar.nonidealities if n.per_read)
        raise ValueError(
            f"{where} with read noise of its devices ({kinds}): it is multiplied by the image, so "
            "that an image decides how much noise there is, and gives no certificate; give this "
            "layer an override without it, and output_noise=OutputNoise(...)"
        )
    if not noise.per_read:
        why = "stands still (frozen=True)" if noise.sigma else "is missing"
        raise ValueError(
            f"{where} whose output noise {why}: without Gaussian noise at each read there is no "
            "certificate; give its crossbar output_noise=OutputNoise(sigma=...)"
        )
    if not crossbar.array.linear:
        raise ValueError(
            f"{where} of {type(crossbar.array).__name__}, which is no matrix and has no norm; a "
            "certificate needs ohmic arrays, ExactArray()"
        )
    if not crossbar.dac.ideal or not crossbar.slicing.analog:
        raise ValueError(
            f"{where} that rounds its inputs (a DAC, or input streams): a small change of an image "
            "may move a code by a whole step, which the norm of the layer does not bound; give it "
            "dac=IdealConverter(range=FixedRange(...)) and analog slicing"
        )
    if not isinstance(crossbar.dac.range, FixedRange):
        raise ValueError(
            f"{where} whose full voltage is the largest input of each image (SampleMax), so that "
            "the noise depends on the image; give it dac=IdealConverter(range=FixedRange(limit))"
        )
