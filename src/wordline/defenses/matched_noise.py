"""Training with Gaussian noise as large as the chip's errors, without their form."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from ..mapping import Crossbar
from ..nn import map_model
from ..training import AbstractTrainingForward, share_parameters
from ..typing import Images
from ..values import require_instance, require_number
from .layer_noise import draw_noise, layer_named, layer_outputs


@final
@dataclass(frozen=True)
class MatchedNoise(AbstractTrainingForward):
    """The software network, with Gaussian noise of the chip's errors on each layer's outputs.

        y_l <- y_l + mean_l + deviation_l z,   z ~ N(0, 1) for every output, anew at every pass

    `layers`: (name, mean, deviation) of each layer, as `MatchedNoise.of` measures them. The
    baseline of hardware-aware training. Source: arXiv 2109.09060.

    >>> noisy = MatchedNoise((("0", 1.0, 0.0),))
    >>> network = noisy.wrap(nn.Sequential(nn.ReLU()))
    >>> noisy.on_step(network, seed=0)
    >>> network(torch.zeros(2))
    tensor([1., 1.])
    """

    layers: tuple[tuple[str, float, float], ...]

    def __post_init__(self) -> None:
        require_instance("layers", self.layers, tuple)
        for name, mean, deviation in self.layers:
            require_instance("layers", name, str)
            require_number(f"layers {name} mean", mean)
            require_number(f"layers {name} deviation", deviation, at_least=0.0)

    @classmethod
    def of(
        cls, model: nn.Module, crossbar: Crossbar, images: Images, *, seed: int = 0
    ) -> MatchedNoise:
        """Measure mean and deviation of chip minus software at each layer's outputs.

        Each layer alone is on arrays: it is given the activations of the software network.
        """
        chip = map_model(model, crossbar, seed)
        named = {name: layer_named(model, name) for name in chip.layers}
        layers = {name: layer for name, layer in named.items() if layer is not None}
        moments = []
        for name, outputs in layer_outputs(model, layers, chip.layers, images).items():
            error = outputs.chip_out - outputs.software_out
            moments.append((name, float(error.mean()), float(error.std())))
        return cls(tuple(moments))

    def wrap(self, model: nn.Module) -> nn.Module:
        copied = share_parameters(copy.deepcopy(model), model)
        for name, mean, deviation in self.layers:
            if (layer := layer_named(copied, name)) is None:
                raise ValueError(
                    f"`layers` names {name!r}, which the network does not have; "
                    "measure it on this one"
                )
            layer.register_forward_hook(_NoiseHook(mean, deviation))
        return copied

    def on_step(self, network: nn.Module, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        for module in network.modules():
            for hook in module._forward_hooks.values():
                if isinstance(hook, _NoiseHook):
                    hook.generator = generator


class _NoiseHook:
    """A forward hook that adds noise to the output of a module."""

    def __init__(self, mean: float, deviation: float) -> None:
        self.mean, self.deviation, self.generator = mean, deviation, torch.Generator()

    def __call__(self, _: nn.Module, inputs: object, out: Tensor) -> Tensor:
        return out + (self.mean + draw_noise(out, self.deviation, self.generator))
