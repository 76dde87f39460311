"""Software with Gaussian noise in place of its chip: a baseline for the effect of a crossbar."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import final

import torch
from torch import Tensor, nn

from ..datasets import Pairs, as_split
from ..defenses.layer_noise import draw_noise, layer_outputs
from ..models.batches import batches
from ..seeds import stream_seed
from ..values import require_integer, takes_numbers
from .layer_pairs import LayerPairs
from .read_noise import restart_noise
from .requirements import require_evaluation_mode, require_fit


@takes_numbers
def matched_noise(
    *,
    software: nn.Module,
    chip: nn.Module,
    data: Pairs,
    limit: int = 100,
    batch_size: int = 100,
    seed: int = 0,
) -> nn.Module:
    """Add Gaussian noise to each mapped layer, as much as mapping that layer alone costs.

    Matched Gaussian baseline of arXiv 2109.09060: one mean and one standard deviation a layer,
    those of (chip's layer - software's layer) where both are given the software network's clean
    activations, over all outputs of the first `limit` images (0: all). The output for zero
    activations (the bias) is subtracted on both sides. The noise is drawn at every forward pass
    from streams of its own, by `seed`. Neither network is changed; returns a new one.

    Raises ValueError for networks in training mode, for a single layer, which cannot be wrapped in
    place, and where no layers share name and shape.

    >>> from wordline.mapping import Crossbar
    >>> from wordline.nn import map_model
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).eval()
    >>> images = [(torch.rand(1, 2, 2), 0) for _ in range(3)]
    >>> chip = map_model(net, Crossbar.preset("ideal"))
    >>> noisy = matched_noise(software=net, chip=chip, data=images)
    >>> noisy[1].deviation < 1e-6  # an ideal chip makes no noise
    True
    """
    require_evaluation_mode("software", software)
    require_evaluation_mode("chip", chip)
    require_integer("limit", limit, at_least=0)
    require_integer("batch_size", batch_size, at_least=1)
    require_integer("seed", seed, at_least=0)
    split = as_split(data, limit=limit)
    require_fit("software", software, split)
    pairs = LayerPairs.of(software, chip)
    sums: dict[str, Tensor] = {}
    for batch in batches(software, split.images, split.labels, batch_size):
        restart_noise(chip, "matched", seed, batch.start)
        outputs = layer_outputs(
            software, pairs.software, pairs.chip, batch.images, without_bias=True
        )
        for name, (software_out, chip_out) in outputs.items():
            gap = (chip_out - software_out).double()
            counted = torch.stack((gap.new_tensor(gap.numel()), gap.sum(), gap.square().sum()))
            sums[name] = sums.get(name, torch.zeros_like(counted)) + counted
    return with_noise(software, {name: _moments(*counts) for name, counts in sums.items()}, seed)


def _moments(count: Tensor, total: Tensor, squares: Tensor) -> tuple[float, float]:
    """Compute mean and standard deviation from a count, a sum and a sum of squares."""
    mean = total / count
    variance = (squares - count * mean * mean) / (count - 1).clamp_min(1)
    return float(mean), float(variance.clamp_min(0).sqrt())


def with_noise(
    model: nn.Module, moments: Mapping[str, tuple[float, float]], seed: int
) -> nn.Module:
    """Copy a network, with noise of this mean and deviation on the outputs of these layers."""
    noisy = copy.deepcopy(model)
    for name, (mean, deviation) in moments.items():
        generator = torch.Generator().manual_seed(stream_seed(seed, "noise", name))
        replace_layer(
            noisy, name, lambda layer, m=mean, d=deviation, g=generator: NoisyLayer(layer, m, d, g)
        )
    return noisy.eval()


def replace_layer(model: nn.Module, name: str, wrap: Callable[[nn.Module], nn.Module]) -> None:
    """Put a wrapper around one layer of a network."""
    parent, _, last = name.rpartition(".")
    try:
        layer = model.get_submodule(name)
    except AttributeError:
        raise ValueError(
            "`software` is a single layer, which cannot be wrapped in place; put it into a "
            "Sequential and map that"
        ) from None
    setattr(model.get_submodule(parent), last, wrap(layer))


@final
class NoisyLayer(nn.Module):
    """A layer with Gaussian noise on its output, fresh at every call, from a stream of its own."""

    stochastic = True

    def __init__(
        self, layer: nn.Module, mean: float, deviation: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.layer, self.mean, self.deviation = layer, mean, deviation
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        out = self.layer(x)
        return out + self.mean + draw_noise(out, self.deviation, self.generator)
