"""The plan of a mapping: the matrices of a network, their crossbars, and what stays digital."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from ..mapping import Crossbar
from ..values import require_instance
from .copying.replace_layers import unregistered_modules
from .layer_selection import LayerSelection
from .layers.digital_layers import BY_DESIGN, SUSPECTED, digital_reason, reads_own_weights
from .layers.layer_rules import view_as_matrices
from .layers.matrix_view import LayerMatrices, MatrixView


@dataclass(frozen=True, eq=False)
class MappingPlan:
    """The matrices of a network that are to be mapped, and the rest.

    `layers`: every layer that is made of matrices, by name; `digital`: why each other layer with
    weights stays digital; `mapped`: name of a matrix -> its view and crossbar; `excluded`: name of
    a matrix -> why it was not selected.
    """

    layers: dict[str, tuple[nn.Module, LayerMatrices]] = field(default_factory=dict)
    digital: dict[str, str] = field(default_factory=dict)
    mapped: dict[str, tuple[MatrixView, Crossbar]] = field(default_factory=dict)
    excluded: dict[str, str] = field(default_factory=dict)


def plan_mapping(
    holder: nn.Module, crossbar: Crossbar, selection: LayerSelection, *, strict: bool, probed: bool
) -> MappingPlan:
    """Plan the mapping of the network `holder.model`.

    `strict`: refuse layers that stay digital neither by design nor by selection; `probed`: a pass
    will tell which products are digital, so that layers that are merely suspected of computing one
    are not named here, and none is refused. Raises ValueError where nothing can be mapped.
    """
    plan = MappingPlan()
    _sort_modules(holder, "", plan, set())
    plan.digital.update(unregistered_modules(holder))
    if probed:
        for name in [name for name, why in plan.digital.items() if SUSPECTED in why]:
            del plan.digital[name]
    _require_mappable(plan, strict and not probed)
    views = {
        matrix_name(name, suffix): view
        for name, (_, matrices) in plan.layers.items()
        for suffix, view in matrices.views.items()
    }
    selection.require_matches(views)
    for name, view in views.items():
        why = selection.why_digital(name)
        if why:
            plan.excluded[name] = why
        else:
            plan.mapped[name] = view, selection.crossbar_of(name, crossbar)
    if not plan.mapped:
        raise ValueError("`only` and `exclude` leave no layer to map; drop one of them")
    return plan


def require_network(model: nn.Module, crossbar: Crossbar, *, may_train: bool) -> None:
    """Refuse what is no network in evaluation mode, or no crossbar."""
    require_instance("model", model, nn.Module)
    require_instance("crossbar", crossbar, Crossbar)
    if model.training and not may_train:
        raise ValueError(
            "`model` is in training mode; call model.eval() first, so that batch norm and dropout "
            "stand still"
        )


def matrix_name(layer: str, suffix: str) -> str:
    """Name a matrix of a layer; the model itself has no name in front of its matrices."""
    if not suffix:
        return layer
    return suffix if layer == "model" else f"{layer}.{suffix}"


def _sort_modules(parent: nn.Module, path: str, plan: MappingPlan, seen: set[nn.Module]) -> None:
    """Enter every module of the tree, by its first name, as a layer of matrices or as digital."""
    for key, child in parent._modules.items():
        if child is None or child in seen:
            continue
        seen.add(child)
        name = f"{path}.{key}" if path else key
        shown, matrices = name.removeprefix("model."), view_as_matrices(child)
        if matrices is not None:
            plan.layers[shown] = (child, matrices)
            continue
        if why := digital_reason(child):
            plan.digital[shown] = why
        if not reads_own_weights(child):
            _sort_modules(child, name, plan, seen)


def _require_mappable(plan: MappingPlan, strict: bool) -> None:
    refused = {name: why for name, why in plan.digital.items() if not why.startswith(BY_DESIGN)}
    if strict and refused:
        name, why = next(iter(refused.items()))
        raise ValueError(
            f"`model` layer {name!r} cannot be mapped ({why}); map without strict=True to keep it "
            "digital"
        )
    if not plan.layers:
        why = "".join(f"; {name}: {reason}" for name, reason in plan.digital.items())
        raise ValueError(f"`model` has no convolution or linear layer to map{why}")
