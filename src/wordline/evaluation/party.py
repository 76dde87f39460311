"""Who takes part in an evaluation, written down so that a record can name it."""

from __future__ import annotations

import dataclasses
import hashlib

import torch
from torch import Tensor, nn

from ..attacks import SurrogateGradient
from ..datasets import ImageSplit, to_float
from ..fingerprints import fingerprint
from ..nn import Chip
from ..records.record import Party
from ..seeds import stream_seed
from ..values import Value


def party(model: nn.Module) -> Party:
    """The network's class or name, a fingerprint of its numbers, and the crossbar and seed where it is a chip.

    Its gradient is what its parts declare: any module, of wordline or not, that carries the text `gradient`.
    """
    if isinstance(model, SurrogateGradient):
        stand_in = type(model.gradient_from).__name__
        forward = party(model.model)
        return dataclasses.replace(
            forward, gradient=f"of {stand_in}", weights=fingerprint(model), structure=structure(model)
        )
    chip = next((module for module in model.modules() if isinstance(module, Chip)), None)
    gradient = declared_gradient(model)
    if chip is None:
        return Party(name_of(model), fingerprint(model), gradient=gradient, structure=structure(model))
    name = name_of(chip.model)
    return Party(name, fingerprint(model), chip.crossbar, chip.seed, gradient, structure(model), chip.calibration)


def name_of(model: nn.Module) -> str:
    """What the network says it is known as, in the text `known_as`; otherwise its class.

    >>> from wordline.defenses import Discretised
    >>> name_of(nn.Identity()), name_of(Discretised(nn.Identity(), bits=4))
    ('Identity', 'Identity behind 4-bit pixels')
    """
    said = getattr(model, "known_as", "")
    return said if isinstance(said, str) and said else type(model).__name__


def declared_gradient(model: nn.Module) -> str:
    """How far autograd is the truth: "exact", or every way in which some part of the network says that it is not.

    >>> from wordline.defenses import Discretised
    >>> declared_gradient(nn.Identity()), declared_gradient(Discretised(nn.Identity(), bits=4))
    ('exact', 'straight-through')
    """
    words = (getattr(module, "gradient", "exact") for module in model.modules())
    return ", ".join(sorted({word for word in words if isinstance(word, str)} - {"exact"})) or "exact"


def structure(model: nn.Module) -> str:
    """Sixteen hex digits of what the numbers do not say: every module's class and its plain attributes.

    Two networks of equal weights but another stride, activation or number of bits differ here. What a `forward` does
    in code cannot be seen: after editing one, start a new journal.
    """
    digest = hashlib.sha256()
    for name, module in model.named_modules():
        digest.update(f"{name}:{type(module).__qualname__}".encode())
        for key, value in sorted(vars(module).items()):
            plain = isinstance(value, bool | int | float | str | tuple) or dataclasses.is_dataclass(value)
            if plain and key != "training" and not key.startswith("_"):
                digest.update(f"{key}={value.identity() if isinstance(value, Value) else repr(value)}".encode())
    return digest.hexdigest()[:16]


def restart_noise(model: nn.Module, *stream: int | str) -> None:
    """Begin the read noise of every chip in a network anew, at a stream of its own; nothing on other networks."""
    for module in model.modules():
        if isinstance(module, Chip) and module.stochastic:
            module.restart(stream_seed(repr(stream)))


def device_of(model: nn.Module) -> torch.device:
    """Where the network's numbers are."""
    return next((tensor.device for _, tensor in _numbers(model)), torch.device("cpu"))


def dtype_of(model: nn.Module) -> torch.dtype:
    """The floating-point type that the network computes in: that of its first floating-point number."""
    return next((t.dtype for _, t in _numbers(model) if t.is_floating_point()), torch.float32)


def require_fit(name: str, model: nn.Module, split: ImageSplit) -> None:
    """Refuse images of a shape that the network cannot take, after one forward pass of one image."""
    image = to_float(split.images[:1]).to(device_of(model), dtype_of(model))
    try:
        with torch.no_grad():
            model(image)
    except RuntimeError as error:
        shape = tuple(image.shape[1:])
        raise ValueError(f"`data` images of shape {shape} do not fit `{name}`: {str(error).splitlines()[0]}") from error


def _numbers(model: nn.Module) -> list[tuple[str, Tensor]]:
    return [*model.named_parameters(), *model.named_buffers()]


def require_evaluation_mode(name: str, model: nn.Module) -> None:
    """Refuse what is not a module, and a network any part of which is in training mode."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"`{name}` must be a torch.nn.Module, got {type(model).__name__}")
    for path, module in model.named_modules():
        if module.training:
            where = f" (its part {path!r} is)" if path else ""
            raise ValueError(f"`{name}` is in training mode{where}; call {name}.eval() first")
