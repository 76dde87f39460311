"""A network taken apart into matrices, and put together again around whatever stands for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from ..mapping import Crossbar
from ..mapping.cells import cell_count
from ..progress import AbstractProgress
from ..values import require_instance, require_integer
from .choice import Choice
from .held import replace_layers, still_held, unregistered
from .independent import independent_copy
from .lowering import lower
from .memory import Keeping, MappingMemory, memory_of, require_memory
from .parts import DigitalPart, Lowered, Part, carry_over
from .skipped import BY_DESIGN, SUSPECTED, computes_on_its_own, reason_to_skip
from .transformers import call_the_layers

Make = Callable[[str, Part, Crossbar], nn.Module]


@dataclass(frozen=True, eq=False)
class Plan:
    """Every layer that is made of matrices, by name; and why each other layer with parameters stays digital."""

    layers: dict[str, tuple[nn.Module, Lowered]] = field(default_factory=dict)
    digital: dict[str, str] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, Part]:
        """Every matrix by the name that its mapped layer gets."""
        return {
            _join(name, suffix): part for name, (_, low) in self.layers.items() for suffix, part in low.parts.items()
        }


def build(
    model: nn.Module,
    crossbar: Crossbar,
    choice: Choice,
    make: Make,
    *,
    strict: bool,
    progress: AbstractProgress,
    probed: bool = False,
    keeping: Keeping = Keeping(),  # noqa: B008 - a value without state
) -> tuple[nn.Module, tuple[tuple[str, str], ...]]:
    """A copy of the network with `make(name, part, crossbar)` for every matrix chosen; and what stays digital, why.

    Nothing is made before all of it has been checked. `probed`: a pass will tell which products are digital, so that
    layers that are merely suspected of computing one are not named here, and none is refused.
    """
    holder = nn.Module()
    holder.add_module("model", independent_copy(model, trainable=keeping.trainable))
    plan = Plan()
    _walk(holder, "", plan, set())
    plan.digital.update(unregistered(holder))
    if probed:
        for name in [name for name, why in plan.digital.items() if SUSPECTED in why]:
            del plan.digital[name]
    parts = plan.parts
    _require_mappable(plan, strict and not probed)
    choice.require_matches(parts)
    digital = {name: why for name in parts if (why := choice.why_digital(name))}
    mapped = {name: (part, choice.crossbar_of(name, crossbar)) for name, part in parts.items() if name not in digital}
    if not mapped:
        raise ValueError("`only` and `exclude` leave no layer to map; drop one of them")
    for name, (part, _) in mapped.items():
        _require_programmable(name, part)
    require_memory(mapped, model, keeping)

    made: dict[str, nn.Module] = {}
    with progress.task("mapping", sum(cell_count(p.matrix_shape, there) for p, there in mapped.values())) as advance:
        for name, (part, there) in mapped.items():
            made[name] = make(name, part, there)
            advance(cell_count(part.matrix_shape, there), name)
    replaced: dict[nn.Module, nn.Module] = {}
    for name, (layer, lowered) in plan.layers.items():
        names = {suffix: _join(name, suffix) for suffix in lowered.parts}
        if digital.keys() >= set(names.values()):
            continue
        modules = {s: made[n] if n in made else DigitalPart(lowered.parts[s]) for s, n in names.items()}
        replaced[layer] = _dressed(lowered.assemble(modules), layer)
    replace_layers(holder, replaced)
    call_the_layers(holder)
    weights = {id(part.weight): name for name, (part, _) in mapped.items()}
    digital |= still_held(holder, {id(layer) for layer in replaced}, weights)
    return holder.get_submodule("model"), tuple({**plan.digital, **digital}.items())


def mapping_memory(
    model: nn.Module,
    crossbar: Crossbar,
    *,
    chips: int = 1,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    overrides: Sequence[tuple[str, Crossbar]] = (),
    trainable: bool = False,
    keep_conductances: bool = True,
) -> MappingMemory:
    """Work out what `map_model` of a network would take in memory, or `map_chips` of so many chips; nothing is mapped.

    See `map_model` for the arguments. What is kept is exact; the peak is an upper bound. A mapping that needs more than
    there is raises ValueError before it starts.

    >>> memory = mapping_memory(nn.Linear(64, 64), Crossbar.preset("ideal"))
    >>> memory.kept_bytes // (64 * 64 * 4)  # a pair of devices, and what they multiply by
    3
    """
    require_network(model, crossbar, may_train=True)
    require_integer("chips", chips, at_least=1)
    choice = Choice(only, exclude, overrides)  # type: ignore[arg-type]
    holder, plan = nn.Module(), Plan()
    holder.add_module("model", model)
    _walk(holder, "", plan, set())
    _require_mappable(plan, strict=False)
    choice.require_matches(plan.parts)
    chosen = {
        name: (part, choice.crossbar_of(name, crossbar))
        for name, part in plan.parts.items()
        if not choice.why_digital(name)
    }
    if not chosen:
        raise ValueError("`only` and `exclude` leave no layer to map; drop one of them")
    return memory_of(chosen, model, Keeping(chips, keep_conductances, trainable))


def require_network(model: nn.Module, crossbar: Crossbar, *, may_train: bool) -> None:
    """Refuse what is no network in evaluation mode, or no crossbar."""
    require_instance("model", model, nn.Module)
    require_instance("crossbar", crossbar, Crossbar)
    if model.training and not may_train:
        raise ValueError(
            "`model` is in training mode; call model.eval() first, so that batch norm and dropout stand still"
        )


def _walk(parent: nn.Module, path: str, plan: Plan, seen: set[nn.Module]) -> None:
    """Sort every module of the tree by its first name."""
    for key, child in parent._modules.items():
        if child is None or child in seen:
            continue
        seen.add(child)
        name = f"{path}.{key}" if path else key
        shown, lowered = name.removeprefix("model."), lower(child)
        if lowered is not None:
            plan.layers[shown] = (child, lowered)
            continue
        if why := reason_to_skip(child):
            plan.digital[shown] = why
        if not computes_on_its_own(child):
            _walk(child, name, plan, seen)


def _join(layer: str, part: str) -> str:
    """The name of a part; the model itself has no name of its own in front of its parts."""
    if not part:
        return layer
    return part if layer == "model" else f"{layer}.{part}"


def _require_mappable(plan: Plan, strict: bool) -> None:
    refused = {name: why for name, why in plan.digital.items() if not why.startswith(BY_DESIGN)}
    if strict and refused:
        name, why = next(iter(refused.items()))
        raise ValueError(f"`model` layer {name!r} cannot be mapped ({why}); map without strict=True to keep it digital")
    if not plan.layers:
        why = "".join(f"; {name}: {reason}" for name, reason in plan.digital.items())
        raise ValueError(f"`model` has no convolution or linear layer to map{why}")


def _require_programmable(name: str, part: Part) -> None:
    if part.weight.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"`model` layer {name!r} has weights of {part.weight.dtype}; call model.float() first")
    if not part.weight.isfinite().all():
        raise ValueError(f"`model` layer {name!r} has NaN or Inf weights; train or load it again")


def _dressed(module: nn.Module, layer: nn.Module) -> nn.Module:
    """The module in the mode of the layer that it stands for, with its plain attributes."""
    carry_over(layer, module)
    return module.train(layer.training)
