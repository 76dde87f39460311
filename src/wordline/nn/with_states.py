"""A chip from states that were programmed before: what a cache of chips keeps."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..mapping import Crossbar, ProgrammedMatrix
from ..mapping.cells import packed_matrix_shape
from ..mapping.memory import reads_conductances
from ..progress import Silent
from ..seeds import stream_seed
from .build import Make, build, require_network
from .chip import Chip
from .choice import Choice
from .mapped_layer import MappedLayer, program_part
from .parts import Part

FIELDS = tuple(field.name for field in dataclasses.fields(ProgrammedMatrix))


def program_states(model: nn.Module, crossbar: Crossbar, seed: int = 0) -> dict[str, Tensor]:
    """What programming leaves in every layer, as named tensors: the part of `map_model` that costs time.

    A response is left out where it is the conductances, or the layer only multiplies by its matrix.
    """
    tensors: dict[str, Tensor] = {}

    def make(name: str, part: Part, there: Crossbar) -> MappedLayer:
        stream = stream_seed(seed, name)
        with torch.no_grad():
            (state,) = program_part(part.product.to_matrix(part.weight), there, (stream,))
        for field in FIELDS:
            if field != "response" or not (there.is_matrix or reads_conductances(there)):
                tensors[f"{name}/{field}"] = getattr(state, field).detach().clone()
        return MappedLayer(part, state, there, stream)

    _chip(model, crossbar, seed, make)
    return tensors


def map_with_states(model: nn.Module, crossbar: Crossbar, seed: int, states: Mapping[str, Tensor]) -> Chip:
    """`map_model(model, crossbar, seed)` without solving anything: equal to it bit for bit.

    Raises ValueError for states of another network.

    >>> model, crossbar = nn.Linear(4, 2).eval(), Crossbar.preset("rethinking-16")
    >>> chip = map_with_states(model, crossbar, 3, program_states(model, crossbar, 3))
    >>> list(chip.layers), chip.seed
    (['model'], 3)
    """

    def make(name: str, part: Part, there: Crossbar) -> MappedLayer:
        found = {field: states[f"{name}/{field}"] for field in FIELDS if f"{name}/{field}" in states}
        shape = packed_matrix_shape(part.matrix_shape, there)
        if "weight" not in found or found["weight"].shape != torch.Size(shape):
            raise ValueError(f"`states` hold no layer {name!r} of shape {part.matrix_shape}; program this network")
        found.setdefault("response", found["conductances"])  # the same, or read by nobody
        return MappedLayer(part, ProgrammedMatrix(**found), there, stream_seed(seed, name))

    return _chip(model, crossbar, seed, make)


def _chip(model: nn.Module, crossbar: Crossbar, seed: int, make: Make) -> Chip:
    require_network(model, crossbar, may_train=False)
    choice = Choice()
    mapped, digital = build(model, crossbar, choice, make, strict=False, progress=Silent())
    chip = Chip(mapped, crossbar, seed, digital, choice.overrides)
    chip.training = model.training
    return chip
