"""The baseline of hardware-aware training: noise as large as the chip's errors, and nothing of their form."""

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


@final
@dataclass(frozen=True)
class MatchedNoise(AbstractTrainingForward):
    """The software network, with a Gaussian of the chip's mean error and deviation added to each layer's outputs.

        y_l <- y_l + mean_l + deviation_l z,   z ~ N(0, 1) for every output, anew at every pass

    `layers`: (name, mean, deviation) of each layer, as `MatchedNoise.of` measures them. Source: the baseline of
    arXiv 2109.09060.

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
    def of(cls, model: nn.Module, crossbar: Crossbar, images: Images, *, seed: int = 0) -> MatchedNoise:
        """Mean and deviation of chip minus software at each layer's outputs, where that layer alone is on arrays."""
        chip = map_model(model, crossbar, seed)
        modules, found = dict(model.named_modules()), {}
        handles = []

        for name, layer in chip.layers.items():

            def compare(_: nn.Module, x: tuple[Tensor], y: Tensor, name: str = name, layer: nn.Module = layer) -> None:
                found[name] = layer(x[0]) - y

            handles.append(modules["" if name == "model" else name].register_forward_hook(compare))
        try:
            with torch.no_grad():
                model(images)
        finally:
            for handle in handles:
                handle.remove()
        return cls(tuple((name, float(error.mean()), float(error.std())) for name, error in found.items()))

    def wrap(self, model: nn.Module) -> nn.Module:
        """A twin on the same parameters, whose layers add their noise."""
        twin = share_parameters(copy.deepcopy(model), model)
        modules = dict(twin.named_modules())
        for name, mean, deviation in self.layers:
            if (layer := modules.get("" if name == "model" else name)) is None:
                raise ValueError(f"`layers` names {name!r}, which the network does not have; measure it on this one")
            layer.register_forward_hook(_Adder(mean, deviation))
        return twin

    def on_step(self, network: nn.Module, seed: int) -> None:
        """Begin the noise anew."""
        stream = torch.Generator().manual_seed(seed)
        for module in network.modules():
            for hook in module._forward_hooks.values():
                if isinstance(hook, _Adder):
                    hook.stream = stream


class _Adder:
    """Adds noise to what a module returns."""

    def __init__(self, mean: float, deviation: float) -> None:
        self.mean, self.deviation, self.stream = mean, deviation, torch.Generator()

    def __call__(self, _: nn.Module, inputs: object, y: Tensor) -> Tensor:
        noise = torch.randn(y.shape, generator=self.stream).to(y)
        return y + (self.mean + self.deviation * noise)
