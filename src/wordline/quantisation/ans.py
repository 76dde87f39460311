"""Adversarial noise sensitivity: how much of an attack each layer's output carries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from ..attacks import AbstractAttack
from ..datasets import Pairs, as_split
from ..hooks import forward_hooks
from ..models.batches import craft
from ..progress import AbstractProgress, Silent
from ..seeds import batch_seed
from ..text import render_table
from ..values import Value, require_instance, require_integer, require_number, takes_numbers
from .layer import matrix_layers


@final
@dataclass(frozen=True)
class NoiseSensitivity(Value):
    """ANS of every layer, by name, in the order of the network; and what it was measured on.

    `attack`, `data`, `fingerprint`, `images`, `seed` and `batch_size` are the conditions.

    >>> from wordline.attacks import FGSM
    >>> found = NoiseSensitivity((("conv", 0.5), ("head", 0.25)), FGSM(eps=0.1), "digits", "", 10)
    >>> found.layers[0], NoiseSensitivity.from_json(found.to_json()) == found
    (('conv', 0.5), True)
    """

    layers: tuple[tuple[str, float], ...]
    attack: AbstractAttack
    data: str
    fingerprint: str
    images: int
    seed: int = 0
    batch_size: int = 100

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("`layers` must hold at least one (name, ANS) pair")
        for name, value in self.layers:
            require_instance("layers", name, str)
            require_number(f"ANS of {name}", value, at_least=0.0)

    def __str__(self) -> str:
        return render_table(("layer", "ANS"), [(name, f"{value:.3f}") for name, value in self.layers])


@takes_numbers
def adversarial_noise_sensitivity(
    model: nn.Module,
    data: Pairs,
    attack: AbstractAttack,
    *,
    limit: int = 500,
    seed: int = 0,
    batch_size: int = 100,
    progress: AbstractProgress = Silent(),  # noqa: B008 - a value without state
) -> NoiseSensitivity:
    """How far an attack moves what each layer puts out, against how large that is.

        ANS_l = mean over images of ||a_l(x_adv) - a_l(x)|| / ||a_l(x)||

    a_l is what linear or convolution layer l returns, bias included, before batch norm and ReLU; a layer that is used
    several times in a pass counts once, over all its outputs. Norms are Euclidean, over all of an image's outputs;
    images on which a layer returns nothing but zeros are left out of its mean. The layers of quantised networks and of
    chips count as well. The attack is made on `model` itself, on the first `limit` images (0: all); batch k draws from
    the stream (seed, k). Source: arXiv 2004.11233, whose text defines a_l no further.

    Of a chip with read noise, measure `chip.frozen(seed)`: fresh noise would count as the attack's.

    Outputs are read by hooks that are gone afterwards, also when something fails; nothing else of the model is touched.

    Raises ValueError for a network in training mode or without such layers, and for a layer that no image reaches.

    >>> split = [(torch.tensor([[[0.5, 0.0]]]), 0), (torch.tensor([[[0.0, 0.5]]]), 1)]
    >>> from wordline.attacks import FGSM
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False)).eval()
    >>> model[1].weight.data = torch.eye(2)  # each attack takes 0.1 from the one and gives it to the other
    >>> found = adversarial_noise_sensitivity(model, split, FGSM(eps=0.1))
    >>> abs(found.layers[0][1] - 2**0.5 * 0.1 / 0.5) < 1e-6
    True
    """
    require_instance("model", model, nn.Module)
    require_instance("attack", attack, AbstractAttack)
    for name, value, least in (("limit", limit, 0), ("seed", seed, 0), ("batch_size", batch_size, 1)):
        require_integer(name, value, at_least=least)
    if any(module.training for module in model.modules()):
        raise ValueError("`model` is in training mode; call model.eval() first")
    layers = dict(matrix_layers(model))
    if not layers:
        raise ValueError("`model` has no linear or convolution layer whose outputs could be compared")
    split = as_split(data, limit=limit)
    ratios: dict[str, list[Tensor]] = {name: [] for name in layers}

    def stream(start: int) -> torch.Generator:
        return torch.Generator().manual_seed(batch_seed(seed, start))

    crafted = craft(
        model, attack, split.images, split.labels, batch_size=batch_size, generator=stream
    )
    with progress.task("noise sensitivity", len(split)) as advance:
        for batch, moved in crafted:
            clean, attacked = (_outputs(model, layers, x) for x in (batch.images, moved))
            for name in layers:
                ratios[name].append(_ratios(name, clean[name], attacked[name]))
            advance(len(batch.labels), "")
    found = tuple((name, _mean(torch.cat(parts))) for name, parts in ratios.items())
    return NoiseSensitivity(found, attack, split.name, split.fingerprint(), len(split), seed, batch_size)


def _outputs(model: nn.Module, layers: dict[str, nn.Module], images: Tensor) -> dict[str, list[Tensor]]:
    """What each layer returns for a batch, call by call, one row an image."""
    seen: dict[str, list[Tensor]] = {name: [] for name in layers}

    def record(name: str, layer: nn.Module, arguments: Any, output: Tensor) -> None:
        seen[name].append(output.detach().flatten(1))

    with forward_hooks(layers, record), torch.no_grad():
        model(images)
    return seen


def _ratios(name: str, clean: list[Tensor], attacked: list[Tensor]) -> Tensor:
    """Image by image; NaN where there is nothing to divide by."""
    if not clean:
        raise ValueError(f"`model` layer {name!r} is reached by no image; its sensitivity cannot be measured")
    whole = torch.cat(clean, 1).double()
    return (torch.cat(attacked, 1).double() - whole).norm(dim=1) / whole.norm(dim=1).where(whole.any(1), torch.nan)


def _mean(ratios: Tensor) -> float:
    mean = float(ratios.nanmean())
    return 0.0 if math.isnan(mean) else mean  # a layer that returns zeros carries nothing
