"""The identity of a network in a record: name, fingerprints, crossbar, declared gradient."""

from __future__ import annotations

import dataclasses
import hashlib

from torch import nn

from ..attacks import SurrogateGradient
from ..fingerprints import fingerprint
from ..nn import Chip
from ..records import NetworkIdentity
from ..values import Value


def identify(model: nn.Module) -> NetworkIdentity:
    """Describe a network: its name, its fingerprints, and the crossbar and seed of a chip.

    Its gradient is the one that its parts declare: any module, of wordline or not, that carries the
    text `gradient`. Its origin is the `origin` that the network carries, if its weights were made
    of another network's.
    """
    if isinstance(model, SurrogateGradient):
        return dataclasses.replace(
            identify(model.model),
            gradient=f"of {type(model.gradient_from).__name__}",
            weights=fingerprint(model),
            structure=structure(model),
        )
    chip = next((module for module in model.modules() if isinstance(module, Chip)), None)
    found = NetworkIdentity(
        display_name(model if chip is None else chip.model),
        fingerprint(model),
        gradient=declared_gradient(model),
        structure=structure(model),
    )
    if chip is None:
        origin = getattr(model, "origin", found.origin)
        return dataclasses.replace(found, origin=origin) if isinstance(origin, Value) else found
    return dataclasses.replace(
        found, crossbar=chip.crossbar, seed=chip.seed, calibration=chip.calibration
    )


def display_name(model: nn.Module) -> str:
    """Return the text `display_name` of a network, otherwise its class.

    >>> from wordline.defenses import Discretised
    >>> display_name(nn.Identity()), display_name(Discretised(nn.Identity(), bits=4))
    ('Identity', 'Identity behind 4-bit pixels')
    """
    name = getattr(model, "display_name", "")
    return name if isinstance(name, str) and name else type(model).__name__


def declared_gradient(model: nn.Module) -> str:
    """Collect how far autograd is the true gradient: "exact", or each deviation a part declares.

    >>> from wordline.defenses import Discretised
    >>> declared_gradient(nn.Identity()), declared_gradient(Discretised(nn.Identity(), bits=4))
    ('exact', 'straight-through')
    """
    words = (getattr(module, "gradient", "exact") for module in model.modules())
    return ", ".join(sorted({w for w in words if isinstance(w, str)} - {"exact"})) or "exact"


def structure(model: nn.Module) -> str:
    """Hash every module's class and plain attributes, which the weights do not tell.

    Sixteen hexadecimal digits. Two networks of equal weights but another stride, activation or
    number of bits differ here. Code in a `forward` cannot be seen: after editing one, start a new
    journal.
    """
    digest = hashlib.sha256()
    for name, module in model.named_modules():
        digest.update(f"{name}:{type(module).__qualname__}".encode())
        for key, value in sorted(vars(module).items()):
            plain = isinstance(value, bool | int | float | str | tuple)
            if key == "training" or key.startswith("_"):
                continue
            if plain or dataclasses.is_dataclass(value):
                text = value.identity() if isinstance(value, Value) else repr(value)
                digest.update(f"{key}={text}".encode())
    return digest.hexdigest()[:16]
