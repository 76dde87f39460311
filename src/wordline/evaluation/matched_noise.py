"""Software with Gaussian noise in the place of its chip: the baseline that a crossbar has to differ from."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import final

import torch
from torch import Tensor, nn

from ..datasets import Pairs, as_split, to_float
from ..seeds import stream_seed
from ..values import require_integer, takes_numbers
from .layer_pairs import LayerPairs
from .party import device_of, dtype_of, require_evaluation_mode, require_fit, restart_noise


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
    """The software network with Gaussian noise on each mapped layer, as much as mapping that layer alone costs.

    Matched Gaussian baseline of arXiv 2109.09060: one mean and one standard deviation a layer, those of (chip's layer -
    software's layer) where both are given the software network's clean activations, over all outputs of the first
    `limit` images (0: all). What a layer makes of a zero input (its bias) is subtracted on both sides. The noise is
    drawn at every forward pass from streams of its own, by `seed`. Neither network is changed; returns a new one.

    Raises ValueError for networks in training mode, for a single layer, which cannot be wrapped in place, and where no
    layers share name and shape.

    >>> from wordline.mapping import Crossbar
    >>> from wordline.nn import map_model
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).eval()
    >>> images = [(torch.rand(1, 2, 2), 0) for _ in range(3)]
    >>> noisy = matched_noise(software=net, chip=map_model(net, Crossbar.preset("ideal")), data=images)
    >>> noisy[1].deviation < 1e-6  # an ideal chip makes no noise
    True
    """
    require_evaluation_mode("software", software)
    require_evaluation_mode("chip", chip)
    for name, value, least in (("limit", limit, 0), ("batch_size", batch_size, 1), ("seed", seed, 0)):
        require_integer(name, value, at_least=least)
    split = as_split(data, limit=limit)
    require_fit("software", software, split)
    pairs = LayerPairs.of(software, chip)
    sums: dict[str, Tensor] = {}
    for start in range(0, len(split), batch_size):
        restart_noise(chip, "matched", seed, start)
        for name, (wanted, made) in alone(software, pairs, to_float(split.images[start : start + batch_size])).items():
            gap = (made - wanted).double()
            counted = torch.stack((gap.new_tensor(gap.numel()), gap.sum(), gap.square().sum()))
            sums[name] = sums.get(name, torch.zeros_like(counted)) + counted
    moments = {}
    for name, (count, total, squares) in sums.items():
        mean = total / count
        variance = (squares - count * mean * mean) / (count - 1).clamp_min(1)
        moments[name] = float(mean), float(variance.clamp_min(0).sqrt())
    return with_noise(software, moments, seed)


def alone(software: nn.Module, pairs: LayerPairs, images: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Per layer what software's and the chip's make of software's clean activations, less what they make of 0.

    Each layer alone is on hardware: all before it are software's. Of a layer that is called several times, the last
    call.
    """
    caught: dict[str, Tensor] = {}
    hooks = [
        layer.register_forward_pre_hook(lambda layer, given, name=name: caught.__setitem__(name, given[0].clone()))
        for name, layer in pairs.software.items()
    ]
    found = {}
    with torch.no_grad():
        try:
            software(images.to(device_of(software), dtype_of(software)))
        finally:
            for hook in hooks:
                hook.remove()
        for name, given in caught.items():
            wanted, made = (
                layer(given) - layer(torch.zeros_like(given[:1])) for layer in (pairs.software[name], pairs.chip[name])
            )
            if wanted.shape != made.shape:
                raise ValueError(
                    f"`chip` layer {name!r} makes {tuple(made.shape)}, that of `software` {tuple(wanted.shape)}; pass "
                    "the network that was mapped"
                )
            found[name] = (wanted, made)
    return found


def with_noise(model: nn.Module, moments: Mapping[str, tuple[float, float]], seed: int) -> nn.Module:
    """A copy of a network with noise of this mean and deviation on the outputs of these layers."""
    noisy = copy.deepcopy(model)
    for name, (mean, deviation) in moments.items():
        generator = torch.Generator().manual_seed(stream_seed(seed, "noise", name))
        replace_layer(noisy, name, lambda layer, m=mean, d=deviation, g=generator: NoisyLayer(layer, m, d, g))
    return noisy.eval()


def replace_layer(model: nn.Module, name: str, wrap: Callable[[nn.Module], nn.Module]) -> None:
    """Put something around one layer of a network."""
    parent, _, last = name.rpartition(".")
    try:
        layer = model.get_submodule(name)
    except AttributeError:
        raise ValueError(
            "`software` is a single layer, which cannot be wrapped in place; put it into a Sequential and map that"
        ) from None
    setattr(model.get_submodule(parent), last, wrap(layer))


@final
class NoisyLayer(nn.Module):
    """A layer with Gaussian noise on its output, fresh at every call, from a stream of its own."""

    stochastic = True

    def __init__(self, layer: nn.Module, mean: float, deviation: float, generator: torch.Generator) -> None:
        super().__init__()
        self.layer, self.mean, self.deviation, self.generator = layer, mean, deviation, generator

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output and its noise."""
        out = self.layer(x)
        noise = torch.randn(out.shape, generator=self.generator, dtype=torch.float32).to(out)
        return out + self.mean + self.deviation * noise
