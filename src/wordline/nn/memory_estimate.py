"""Memory that `map_model` or `map_chips` of a network would take."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ..mapping import Crossbar
from ..values import require_integer
from .accounting.mapping_memory import MappingMemory, StorageOptions, memory_of
from .layer_selection import LayerSelection
from .mapping_plan import plan_mapping, require_network


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
    """Work out the memory of `map_model` of a network, or of `map_chips` of so many chips.

    Nothing is mapped. See `map_model` for the arguments. The kept memory is exact; the peak is an
    upper bound. A mapping that needs more memory than is available raises ValueError before it
    starts.

    >>> memory = mapping_memory(nn.Linear(64, 64), Crossbar.preset("ideal"))
    >>> memory.kept_bytes // (64 * 64 * 4)  # a pair of devices, and the effective weight
    3
    """
    require_network(model, crossbar, may_train=True)
    require_integer("chips", chips, at_least=1)
    selection = LayerSelection(only, exclude, overrides)  # type: ignore[arg-type]
    holder = nn.Module()
    holder.add_module("model", model)
    plan = plan_mapping(holder, crossbar, selection, strict=False, probed=False)
    return memory_of(plan.mapped, model, StorageOptions(chips, keep_conductances, trainable))
