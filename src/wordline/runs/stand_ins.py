"""Victims of cells: software, a chip, or software with smaller weights that stands in for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import nn

from ..evaluation import attenuation, identify, scaled
from ..evaluation.attenuated import with_factors
from ..evaluation.attenuation import Per
from ..mapping import Crossbar
from ..records import Attenuated
from ..records.origin import PARTS
from ..records.record import Software
from ..values import Value, require_choice, require_instance, require_number
from .cache import Tensors
from .cell import Loader
from .chips import load_chip
from .image_inputs import AbstractImages, NoImages
from .network_inputs import AbstractNetwork
from .threads import fixed_threads


@final
@dataclass(frozen=True)
class Twin(Value):
    """The attenuated twin of a chip of this crossbar: see `wordline.attenuated`.

    The cell's `chip_seed` says which chip. Where its layers have no matrix, their attenuation is
    measured on all `calibration` images of the cell.
    """

    crossbar: Crossbar
    per: Per = "layer"

    def __post_init__(self) -> None:
        require_instance("crossbar", self.crossbar, Crossbar)
        require_choice("per", self.per, PARTS)

    @property
    def label(self) -> str:
        """A few words for the progress display."""
        rows, cols = self.crossbar.tile
        return f"twin of {rows}x{cols}"


@final
@dataclass(frozen=True)
class ScaledWeights(Value):
    """All weights that a chip would hold times one factor: see `wordline.evaluation.scaled`."""

    factor: float

    def __post_init__(self) -> None:
        require_number("factor", self.factor, at_least=0.0)

    @property
    def label(self) -> str:
        """A few words for the progress display."""
        return f"weights x {self.factor:g}"


StandIn = Twin | ScaledWeights
Place = Crossbar | Software | StandIn


def needs_images(place: Place) -> bool:
    """Tell if a victim is set or measured on calibration images."""
    if isinstance(place, Twin):
        return place.crossbar.needs_calibration or not place.crossbar.is_matrix
    return isinstance(place, Crossbar) and place.needs_calibration


def load_victim(
    loader: Loader,
    network: AbstractNetwork,
    place: Place,
    seed: int,
    calibration: AbstractImages | NoImages,
    *,
    device: str = "cpu",
) -> nn.Module:
    """Return what a network becomes at a place; the last chip, and its last twin, are kept."""
    if isinstance(place, Crossbar):
        return load_chip(loader, network, place, seed, calibration, device=device)
    if isinstance(place, Software):
        return network.load(loader, device)
    key = (network, place, seed, calibration, device)
    if loader.memory.get("stand-in", (None,))[0] != key:
        loader.memory.pop("stand-in", None)
        if isinstance(place, Twin):
            made = _twin(loader, network, place, seed, calibration, device=device)
        else:
            made = scaled(software=network.load(loader, device), factor=place.factor)
        loader.memory["stand-in"] = key, made
    found: nn.Module = loader.memory["stand-in"][1]
    return found


def _twin(
    loader: Loader,
    network: AbstractNetwork,
    place: Twin,
    seed: int,
    calibration: AbstractImages | NoImages,
    *,
    device: str,
) -> nn.Module:
    """Attenuate software by the factors of its chip, measured once and with one thread."""
    software = network.load(loader, device)
    chip = load_chip(loader, network, place.crossbar, seed, calibration, device=device)
    made_by = (
        "twin", network.pinned(loader).content.identity(), place.identity(), str(seed),
        _content(loader, calibration), device,
    )  # fmt: skip

    def measure() -> Tensors:
        data = calibration.load(loader) if isinstance(calibration, AbstractImages) else None
        with fixed_threads(1):
            return attenuation(software=software, chip=chip, per=place.per, data=data, limit=0)

    factors = loader.tensors("twins", made_by, measure)
    return with_factors(
        software, factors, Attenuated(identify(software), identify(chip), place.per)
    )


def _content(loader: Loader, calibration: AbstractImages | NoImages) -> str:
    if isinstance(calibration, NoImages):
        return ""
    return calibration.pinned(loader).fingerprint
