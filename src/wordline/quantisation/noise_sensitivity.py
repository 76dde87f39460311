"""Adversarial noise sensitivity: how far an attack moves the output of each layer."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ..attacks import AbstractAttack
from ..datasets import Pairs, as_split
from ..hooks import forward_hooks
from ..models.batches import craft
from ..progress import AbstractProgress, Silent
from ..records import NoiseSensitivity
from ..seeds import batch_seed
from ..values import require_instance, require_integer, takes_numbers
from .layers import matrix_layers


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
    """Measure how far an attack moves the output of each layer, relative to its size.

        ANS_l = mean over images of ||a_l(x_adv) - a_l(x)|| / ||a_l(x)||

    a_l is the output of linear or convolution layer l, bias included, before batch norm and ReLU; a
    layer that is used several times in a pass counts once, over all its outputs. Norms are
    Euclidean, over all of an image's outputs; images for which all outputs of a layer are zero are
    left out of its mean. The layers of quantised networks and of chips count as well. The attack is
    made on `model` itself, on the first `limit` images (0: all); batch k draws from the stream
    (seed, k). Source: arXiv 2004.11233, whose text defines a_l no further.

    For a chip with read noise pass `chip.frozen(seed)`: otherwise the noise between two passes
    would count as the attack's. Outputs are read by hooks, which are removed afterwards, also after
    an error.

    Raises ValueError for a network in training mode or without such layers, and for a layer that no
    image reaches.

    >>> split = [(torch.tensor([[[0.5, 0.0]]]), 0), (torch.tensor([[[0.0, 0.5]]]), 1)]
    >>> from wordline.attacks import FGSM
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False)).eval()
    >>> model[1].weight.data = torch.eye(2)  # the attack moves 0.1 from one class to the other
    >>> found = adversarial_noise_sensitivity(model, split, FGSM(eps=0.1))
    >>> abs(found.layers[0][1] - 2**0.5 * 0.1 / 0.5) < 1e-6
    True
    """
    require_instance("model", model, nn.Module)
    require_instance("attack", attack, AbstractAttack)
    require_integer("limit", limit, at_least=0)
    require_integer("seed", seed, at_least=0)
    require_integer("batch_size", batch_size, at_least=1)
    if any(module.training for module in model.modules()):
        raise ValueError("`model` is in training mode; call model.eval() first")
    layers = dict(matrix_layers(model))
    if not layers:
        raise ValueError(
            "`model` has no linear or convolution layer whose outputs could be compared"
        )
    split = as_split(data, limit=limit)
    ratios: dict[str, list[Tensor]] = {name: [] for name in layers}

    def stream(start: int) -> torch.Generator:
        return torch.Generator().manual_seed(batch_seed(seed, start))

    crafted = craft(
        model, attack, split.images, split.labels, batch_size=batch_size, generator=stream
    )
    with progress.task("noise sensitivity", len(split)) as advance:
        for batch, adversarial in crafted:
            clean = _layer_outputs(model, layers, batch.images)
            attacked = _layer_outputs(model, layers, adversarial)
            for name in layers:
                ratios[name].append(_relative_change(name, clean[name], attacked[name]))
            advance(len(batch.labels), "")
    found = tuple((name, _mean(torch.cat(batches))) for name, batches in ratios.items())
    return NoiseSensitivity(
        found, attack, split.name, split.fingerprint(), len(split), seed, batch_size
    )


def _layer_outputs(
    model: nn.Module, layers: dict[str, nn.Module], images: Tensor
) -> dict[str, list[Tensor]]:
    """Outputs of each layer for a batch, call by call, one row an image."""
    outputs: dict[str, list[Tensor]] = {name: [] for name in layers}

    def record(name: str, layer: nn.Module, arguments: Any, output: Tensor) -> None:
        outputs[name].append(output.detach().flatten(1))

    with forward_hooks(layers, record), torch.no_grad():
        model(images)
    return outputs


def _relative_change(name: str, clean: list[Tensor], attacked: list[Tensor]) -> Tensor:
    """Relative change of each image; NaN where all clean outputs are zero."""
    if not clean:
        raise ValueError(
            f"`model` layer {name!r} is reached by no image; its sensitivity cannot be measured"
        )
    before, after = torch.cat(clean, 1).double(), torch.cat(attacked, 1).double()
    return (after - before).norm(dim=1) / before.norm(dim=1).where(before.any(1), torch.nan)


def _mean(ratios: Tensor) -> float:
    mean = float(ratios.nanmean())
    return 0.0 if math.isnan(mean) else mean  # a layer whose outputs are all zero carries nothing
