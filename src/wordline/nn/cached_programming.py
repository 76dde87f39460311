"""Chips from states that were programmed before, as a cache keeps them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ..mapping import Crossbar, ProgrammedMatrix
from ..mapping.cells import packed_matrix_shape
from ..mapping.memory import reads_conductances
from .build import BuildOptions, build
from .chip import Chip
from .layers.matrix_view import MatrixView
from .programming import Program, program_view

FIELDS = tuple(field.name for field in dataclasses.fields(ProgrammedMatrix))


def program_states(model: nn.Module, crossbar: Crossbar, seed: int = 0) -> dict[str, Tensor]:
    """Program every layer and return the states as named tensors: the slow part of `map_model`.

    A response is left out where it is the conductances, or the layer only multiplies by its matrix.
    """
    tensors: dict[str, Tensor] = {}

    def program(
        name: str, view: MatrixView, its_crossbar: Crossbar, streams: Sequence[int]
    ) -> Sequence[ProgrammedMatrix]:
        (state,) = program_view(name, view, its_crossbar, streams)
        implied = its_crossbar.is_matrix or reads_conductances(its_crossbar)
        for field in FIELDS:
            if field != "response" or not implied:
                tensors[f"{name}/{field}"] = getattr(state, field).detach().clone()
        return (state,)

    _chip(model, crossbar, seed, program)
    return tensors


def map_with_states(
    model: nn.Module, crossbar: Crossbar, seed: int, states: Mapping[str, Tensor]
) -> Chip:
    """Build `map_model(model, crossbar, seed)` from its states, bit for bit, solving nothing.

    Raises ValueError for states of another network.

    >>> model, crossbar = nn.Linear(4, 2).eval(), Crossbar.preset("rethinking-16")
    >>> chip = map_with_states(model, crossbar, 3, program_states(model, crossbar, 3))
    >>> list(chip.layers), chip.seed
    (['model'], 3)
    """

    def look_up(
        name: str, view: MatrixView, its_crossbar: Crossbar, streams: Sequence[int]
    ) -> Sequence[ProgrammedMatrix]:
        keys = {field: f"{name}/{field}" for field in FIELDS}
        state = {field: states[key] for field, key in keys.items() if key in states}
        shape = packed_matrix_shape(view.matrix_shape, its_crossbar)
        if "weight" not in state or state["weight"].shape != torch.Size(shape):
            raise ValueError(
                f"`states` hold no layer {name!r} of shape {view.matrix_shape}; program this "
                "network"
            )
        state.setdefault("response", state["conductances"])  # the same, or never read
        return (ProgrammedMatrix(**state),)

    return _chip(model, crossbar, seed, look_up)


def _chip(model: nn.Module, crossbar: Crossbar, seed: int, program: Program) -> Chip:
    options = BuildOptions(program=program)
    network = build(model, crossbar, (seed,), lambda layers: layers[0], options)
    chip = Chip(network, crossbar, seed)
    chip.training = model.training
    return chip
