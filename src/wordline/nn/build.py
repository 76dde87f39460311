"""A copy of a network with mapped layers in the place of its matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import nn

from ..mapping import Crossbar
from ..mapping.cells import cell_count
from ..progress import AbstractProgress, Silent
from ..seeds import stream_seed
from .abstract_mapped_layer import AbstractMappedLayer
from .accounting.mapping_memory import StorageOptions, require_memory
from .copying.independent_copy import independent_copy
from .copying.replace_layers import replace_layers, software_weights_held
from .layer_selection import LayerSelection
from .layers.matrix_view import DigitalLayer, MatrixView, copy_attributes
from .layers.transformer_encoder import disable_fused_encoders
from .mapped_layer import MappedLayer
from .mapping_plan import MappingPlan, matrix_name, plan_mapping, require_network
from .programming import Program, program_view
from .trainable_layer import TrainableLayer

Layers = Sequence[AbstractMappedLayer]


@dataclass(frozen=True, eq=False)
class BuildOptions:
    """Options of a mapping, see `map_model`.

    `probed`: whether a pass is probed afterwards; `program`: gives the states of a layer's arrays.
    """

    selection: LayerSelection = field(default_factory=LayerSelection)
    storage: StorageOptions = field(default_factory=StorageOptions)
    strict: bool = False
    probed: bool = False
    progress: AbstractProgress = field(default_factory=Silent)
    program: Program = program_view


class MappedNetwork(NamedTuple):
    """A network on arrays, and the layers that stayed digital with the reason of each."""

    module: nn.Module
    digital_layers: tuple[tuple[str, str], ...]


def build(
    model: nn.Module,
    crossbar: Crossbar,
    seeds: Sequence[int],
    join: Callable[[Layers], nn.Module],
    options: BuildOptions,
) -> MappedNetwork:
    """Copy a network with `join(layers)` for every matrix selected: one mapped layer for each seed.

    Nothing is programmed before all of it has been checked.
    """
    storage = options.storage
    require_network(model, crossbar, may_train=storage.trainable)
    holder = copy_in_holder(model, trainable=storage.trainable)
    plan = plan_mapping(
        holder, crossbar, options.selection, strict=options.strict, probed=options.probed
    )
    for name, (view, _) in plan.mapped.items():
        _require_programmable(name, view)
    require_memory(plan.mapped, model, storage)
    held = put_layers(holder, plan, _program_layers(plan, seeds, join, options))
    digital = {**plan.digital, **plan.excluded, **held}
    return MappedNetwork(holder.get_submodule("model"), tuple(digital.items()))


def copy_in_holder(model: nn.Module, *, trainable: bool) -> nn.Module:
    """Copy a network into a module `model` of a holder, where even the whole can be replaced."""
    holder = nn.Module()
    holder.add_module("model", independent_copy(model, trainable=trainable))
    return holder


def put_layers(holder: nn.Module, plan: MappingPlan, made: dict[str, nn.Module]) -> dict[str, str]:
    """Put a module in the place of each matrix named; the others of its layer stay digital.

    Returns the software weights that the network still holds beside its layers, with the reason.
    """
    replaced = _replacements(plan, made)
    replace_layers(holder, replaced)
    disable_fused_encoders(holder)
    weights = {id(view.weight): name for name, (view, _) in plan.mapped.items()}
    return software_weights_held(holder, {id(layer) for layer in replaced}, weights)


def _program_layers(
    plan: MappingPlan,
    seeds: Sequence[int],
    join: Callable[[Layers], nn.Module],
    options: BuildOptions,
) -> dict[str, nn.Module]:
    storage, made = options.storage, {}
    kind = TrainableLayer if storage.trainable else MappedLayer
    cells = {name: cell_count(view.matrix_shape, of) for name, (view, of) in plan.mapped.items()}
    with options.progress.task("mapping", sum(cells.values())) as advance:
        for name, (view, its_crossbar) in plan.mapped.items():
            streams = [stream_seed(seed, name) for seed in seeds]
            states = options.program(name, view, its_crossbar, streams)
            layers = [
                kind(view, state, its_crossbar, stream, keep_conductances=storage.conductances)
                for state, stream in zip(states, streams, strict=True)
            ]
            made[name] = join(layers)
            advance(cells[name], name)
    return made


def _replacements(plan: MappingPlan, made: dict[str, nn.Module]) -> dict[nn.Module, nn.Module]:
    """Map each software layer of which a matrix is mapped to the module in its place."""
    replaced: dict[nn.Module, nn.Module] = {}
    for name, (layer, matrices) in plan.layers.items():
        names = {suffix: matrix_name(name, suffix) for suffix in matrices.views}
        if made.keys().isdisjoint(names.values()):
            continue
        modules = {
            suffix: made[n] if n in made else DigitalLayer(matrices.views[suffix])
            for suffix, n in names.items()
        }
        module = matrices.assemble(modules)
        copy_attributes(layer, module)
        replaced[layer] = module.train(layer.training)
    return replaced


def _require_programmable(name: str, view: MatrixView) -> None:
    if view.weight.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            f"`model` layer {name!r} has weights of {view.weight.dtype}; call model.float() first"
        )
    if not view.weight.isfinite().all():
        raise ValueError(f"`model` layer {name!r} has NaN or Inf weights; train or load it again")
