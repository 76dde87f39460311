"""Many chips of one network at once: everything shared but the devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..mapping import Crossbar
from ..progress import AbstractProgress, Silent
from ..seeds import stream_seed
from ..values import require_integer, takes_numbers
from .build import build, require_network
from .chip import Chip
from .choice import Choice, Overrides
from .identity import AbstractMapped
from .mapped_layer import MappedLayer, program_part
from .memory import Keeping
from .parts import Part, carry_over
from .probe import NOTHING, Example, example_arguments, probe, require_products
from .views import Views
from .whole_copy import whole_copy


class SampledLayer(nn.Module):
    """One layer of every chip of an ensemble: the same weight programmed on K samples of its crossbar.

    It computes nothing: each chip sees its own sample in this place.
    """

    def __init__(self, samples: Sequence[MappedLayer]) -> None:
        super().__init__()
        self.samples = nn.ModuleList(samples)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Refused: which of the chips is to compute cannot be known here."""
        raise ValueError(
            f"`model` reaches a layer of {len(self.samples)} chips by a way that no single chip can be given; register "
            "the layer as a module of the network, or map one chip at a time with map_model"
        )


class ChipEnsemble(AbstractMapped):
    """K chips of one network: `ensemble(images)` is `(K, batch, classes)`, `ensemble[k]` the k-th as a chip of its own.

    Digital layers and biases exist once; conductances and effective weights K times. The chips compute one after
    another, each with the very numbers of `map_model(model, crossbar, seed)`; autograd passes through all of them.
    Each computes through a view of the network that is made for the pass, so that calls from several threads, nested
    calls and passes computed again for a gradient do not meet. What a network sets on itself as a plain attribute while
    it computes is lost with the view: each pass begins with the attributes of `ensemble.model`.
    """

    seeds_are = "seeds"

    def __init__(
        self,
        model: nn.Module,
        crossbar: Crossbar,
        seeds: tuple[int, ...],
        skipped: tuple[tuple[str, str], ...],
        overrides: Overrides,
    ) -> None:
        super().__init__()
        self.model, self.crossbar, self.seeds = model, crossbar, seeds
        self.skipped, self.overrides = skipped, overrides
        self.training = model.training
        self.calibration = ""  # see `Chip`

    def __len__(self) -> int:
        """How many chips."""
        return len(self.seeds)

    def __iter__(self) -> Iterator[Chip]:
        """One chip after another, each a copy."""
        return (self[k] for k in range(len(self)))

    def __getitem__(self, k: int) -> Chip:
        """The k-th chip as a copy that stands alone, equal to `map_model` with its seed, bit for bit."""
        seed = self.seeds[k]  # IndexError beyond the last
        model = whole_copy(self._views().of(lambda layer: layer.samples[k]))
        chip = Chip(model, self.crossbar, seed, self.skipped, self.overrides)
        chip.calibration = self.calibration
        return chip

    @property
    def layers(self) -> dict[str, MappedLayer]:
        """Every mapped layer of every chip, the k-th chip's by `name.samples.k`."""
        return {name: layer for name, layer in self.model.named_modules() if isinstance(layer, MappedLayer)}

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """What every chip returns, stacked: `(K, ...)`."""
        outputs, views = [], self._views()
        for k in range(len(self)):
            output = views.of(lambda layer, k=k: layer.samples[k])(*args, **kwargs)
            if not isinstance(output, Tensor):
                raise TypeError(
                    f"`model` must return one tensor to be stacked, got {type(output).__name__}; call ensemble[k]"
                )
            outputs.append(output)
        return torch.stack(outputs)

    def _samples(self) -> Iterator[tuple[str, int, MappedLayer]]:
        for name, layer in self.model.named_modules():
            if isinstance(layer, SampledLayer):
                for seed, sample in zip(self.seeds, layer.samples, strict=True):
                    yield name or "model", seed, cast(MappedLayer, sample)

    def _views(self) -> Views:
        """The network as each chip sees it; nothing in it says which chip computes."""
        return Views(self.model, SampledLayer)


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
    example: Example = NOTHING,
    keep_conductances: bool = True,
    progress: AbstractProgress = Silent(),  # noqa: B008 - a value without state
) -> ChipEnsemble:
    """Map a network onto several samples of a crossbar at once, one a seed; see `map_model` for the arguments.

    Weights are cut, scaled and encoded once and all samples of a layer are solved in one call: a further chip costs
    its own random numbers, solve and effective weight.

    >>> ensemble = map_chips(nn.Linear(4, 2).eval(), Crossbar.preset("rethinking-16"), seeds=(3, 5))
    >>> ensemble(torch.ones(7, 4)).shape, ensemble[1].seed
    (torch.Size([2, 7, 2]), 5)
    """
    require_network(model, crossbar, may_train=False)
    chips, arguments = _seeds(seeds), example_arguments(example)
    choice = Choice(only, exclude, overrides)  # type: ignore[arg-type]

    def make(name: str, part: Part, there: Crossbar) -> SampledLayer:
        streams = [stream_seed(seed, name) for seed in chips]
        with torch.no_grad():
            programmed = program_part(part.product.to_matrix(part.weight), there, streams)
        pairs = zip(programmed, streams, strict=True)
        samples = [
            MappedLayer(part, state, there, stream, keep_conductances=keep_conductances) for state, stream in pairs
        ]
        return SampledLayer(samples)

    keeping = Keeping(len(chips), keep_conductances)
    mapped, digital = build(
        model, crossbar, choice, make, strict=strict, progress=progress, keeping=keeping, probed=len(arguments) > 0
    )
    for layer in mapped.modules():
        if isinstance(layer, SampledLayer):
            for sample in layer.samples:
                carry_over(layer, sample)  # networks read `in_features` and the like from the layer of their chip
    ensemble = ChipEnsemble(mapped, crossbar, chips, digital, choice.overrides)
    if arguments:
        require_products(probe(ensemble[0], *arguments), strict=strict)
    return ensemble


def _seeds(seeds: object) -> tuple[int, ...]:
    if not isinstance(seeds, Sequence) or isinstance(seeds, str):
        raise TypeError(f"`seeds` must be a sequence of whole numbers, got {seeds!r}; write range(8) for eight chips")
    for seed in seeds:
        require_integer("seeds", seed, at_least=0)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"`seeds` must be different and at least one, got {tuple(seeds)!r}; one seed is one chip")
    return tuple(cast(Sequence[int], seeds))
