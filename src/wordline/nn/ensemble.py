"""Several chips of one network at once: everything shared but the devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..mapping import Crossbar
from ..progress import AbstractProgress, Silent
from ..values import require_integer, takes_numbers
from .abstract_mapped_layer import AbstractMappedLayer
from .accounting.mapping_memory import StorageOptions
from .accounting.probe import NO_EXAMPLE, Example, example_arguments, probe, require_products
from .build import BuildOptions, Layers, MappedNetwork, build
from .chip import Chip
from .chip_state import AbstractMappedNetwork
from .copying.deep_copy import deep_copy
from .copying.shared_copy import SharedCopies
from .layer_selection import LayerSelection, Overrides
from .layers.matrix_view import copy_attributes
from .mapping_plan import require_network


class EnsembleLayer(nn.Module):
    """One layer of every chip of an ensemble: one weight programmed on K samples of its crossbar.

    It computes nothing: each chip has its own sample in this place.
    """

    def __init__(self, samples: Sequence[nn.Module]) -> None:
        super().__init__()
        self.samples = nn.ModuleList(samples)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Refuse to compute: nothing tells which of the chips this call belongs to."""
        raise ValueError(
            f"`model` reaches a layer of {len(self.samples)} chips by a way that no single chip "
            "can be given; register the layer as a module of the network, or map one chip at a "
            "time with map_model"
        )


class ChipEnsemble(AbstractMappedNetwork):
    """K chips of one network: `ensemble(images)` is `(K, batch, classes)`, `ensemble[k]` is a chip.

    Digital layers and biases exist once, conductances and effective weights K times. The chips
    compute one after another, each with the very numbers of `map_model(model, crossbar, seed)`;
    autograd passes through all of them. Each computes through a shared copy of the network that is
    made for the pass, so that calls from several threads, nested calls and passes computed again
    for a gradient do not meet. A plain attribute that a network sets on itself while it computes is
    lost with the copy: each pass begins with the attributes of `ensemble.model`.
    """

    seed_attribute = "seeds"

    def __init__(
        self,
        network: MappedNetwork,
        crossbar: Crossbar,
        seeds: tuple[int, ...],
        overrides: Overrides,
    ) -> None:
        super().__init__(network, crossbar, overrides)
        self.seeds = seeds

    def __len__(self) -> int:
        return len(self.seeds)

    def __iter__(self) -> Iterator[Chip]:
        """Yield one chip after another, each a copy."""
        return (self[k] for k in range(len(self)))

    def __getitem__(self, k: int) -> Chip:
        """Copy the k-th chip, equal to `map_model` with its seed, bit for bit."""
        seed = self.seeds[k]  # IndexError beyond the last
        model = deep_copy(self._copies().with_modules(lambda layer: layer.samples[k]))
        network = MappedNetwork(model, self.digital_layers)
        chip = Chip(network, self.crossbar, seed, self.overrides)
        chip.calibration = self.calibration
        return chip

    @property
    def layers(self) -> dict[str, AbstractMappedLayer]:
        """Every mapped layer of every chip, the k-th chip's by `name.samples.k`."""
        named = self.model.named_modules()
        return {name: layer for name, layer in named if isinstance(layer, AbstractMappedLayer)}

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return the outputs of every chip, stacked: `(K, ...)`."""
        outputs, copies = [], self._copies()
        for k in range(len(self)):
            output = copies.with_modules(lambda layer, k=k: layer.samples[k])(*args, **kwargs)
            if not isinstance(output, Tensor):
                raise TypeError(
                    "`model` must return one tensor to be stacked, got "
                    f"{type(output).__name__}; call ensemble[k]"
                )
            outputs.append(output)
        return torch.stack(outputs)

    def layers_with_seeds(self) -> Iterator[tuple[str, int, AbstractMappedLayer]]:
        for name, layer in self.model.named_modules():
            if isinstance(layer, EnsembleLayer):
                for seed, sample in zip(self.seeds, layer.samples, strict=True):
                    yield name or "model", seed, cast(AbstractMappedLayer, sample)

    def _copies(self) -> SharedCopies:
        """Return the copies of the network, one for each chip."""
        return SharedCopies(self.model, EnsembleLayer)


@takes_numbers
def map_chips(
    model: nn.Module,
    crossbar: Crossbar,
    seeds: Sequence[int] = range(8),
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    overrides: Sequence[tuple[str, Crossbar]] = (),
    strict: bool = False,
    example: Example = NO_EXAMPLE,
    keep_conductances: bool = True,
    progress: AbstractProgress = Silent(),  # noqa: B008 - a value without state
) -> ChipEnsemble:
    """Map a network onto several samples of a crossbar at once, one for each seed.

    See `map_model` for the arguments. Weights are sliced, scaled and encoded once, and all samples
    of a layer are solved in one call: a further chip costs its own random numbers, solve and
    effective weight.

    >>> ensemble = map_chips(nn.Linear(4, 2).eval(), Crossbar.preset("rethinking-16"), (3, 5))
    >>> ensemble(torch.ones(7, 4)).shape, ensemble[1].seed
    (torch.Size([2, 7, 2]), 5)
    """
    require_network(model, crossbar, may_train=False)
    chips, arguments = _require_seeds(seeds), example_arguments(example)
    selection = LayerSelection(only, exclude, overrides)  # type: ignore[arg-type]
    storage = StorageOptions(len(chips), keep_conductances)
    options = BuildOptions(
        selection, storage, strict=strict, probed=len(arguments) > 0, progress=progress
    )
    network = build(model, crossbar, chips, _join, options)
    for layer in network.module.modules():
        if isinstance(layer, EnsembleLayer):  # networks read `in_features` and the like
            for sample in layer.samples:
                copy_attributes(layer, sample)
    ensemble = ChipEnsemble(network, crossbar, chips, selection.overrides)
    if arguments:
        require_products(probe(ensemble[0], *arguments), strict=strict)
    return ensemble


def _join(layers: Layers) -> EnsembleLayer:
    return EnsembleLayer(layers)


def _require_seeds(seeds: object) -> tuple[int, ...]:
    if not isinstance(seeds, Sequence) or isinstance(seeds, str):
        raise TypeError(
            f"`seeds` must be a sequence of whole numbers, got {seeds!r}; write range(8) for "
            "eight chips"
        )
    for seed in seeds:
        require_integer("seeds", seed, at_least=0)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(
            f"`seeds` must be different and at least one, got {tuple(seeds)!r}; one seed is one "
            "chip"
        )
    return tuple(cast(Sequence[int], seeds))
