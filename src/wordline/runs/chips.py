"""Chips and transferred images for cells, cached by content because they take time to make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ..attacks import AbstractAttack
from ..evaluation import craft, identify
from ..mapping import Crossbar
from ..nn import Chip, calibrate
from ..nn.cached_programming import map_with_states, program_states
from ..records import NetworkIdentity
from ..values import Value
from .cache import Tensors
from .cell import Loader
from .image_inputs import AbstractImages, NoImages
from .network_inputs import AbstractNetwork


@dataclass(frozen=True)
class RunSettings(Value):
    """Batch size, threads and device: they decide how floats are rounded."""

    former_names: ClassVar[tuple[str, ...]] = ("Conditions",)

    batch_size: int
    threads: int
    device: str = "cpu"


def load_chip(
    loader: Loader,
    network: AbstractNetwork,
    crossbar: Crossbar,
    seed: int,
    calibration: AbstractImages | NoImages,
    *,
    device: str = "cpu",
) -> Chip:
    """Return a network on one sample of a crossbar; the last chip is kept in memory.

    Converters with a calibrated range are set on the calibration images.
    """

    key = (network, crossbar, seed, calibration, device)
    if loader.memory.get("chip", (None,))[0] != key:
        loader.memory.pop("chip", None)  # before the next one takes its place
        software, content = network.load(loader), network.pinned(loader).content
        made_by = ("chip", content.identity(), crossbar.identity(), str(seed))
        states = loader.tensors("chips", made_by, lambda: program_states(software, crossbar, seed))
        chip = map_with_states(software, crossbar, seed, states)
        if isinstance(calibration, AbstractImages):
            calibrate(chip, calibration.load(loader), limit=0)
        loader.memory["chip"] = key, chip.to(device)
    found: Chip = loader.memory["chip"][1]
    return found


def transfer_images(
    loader: Loader,
    network: AbstractNetwork,
    attack: AbstractAttack,
    images: AbstractImages,
    seed: int,
    settings: RunSettings,
) -> Tensor:
    """Return adversarial images `(N, C, H, W)` crafted on a software network."""
    split, content = images.load(loader), network.pinned(loader).content
    made_by = (
        "images", content.identity(), attack.identity(), split.fingerprint(), str(seed),
        settings.identity(),
    )  # fmt: skip

    def make() -> Tensors:
        source = network.load(loader, settings.device)
        size = settings.batch_size
        return {"images": craft(source, attack, split, seed=seed, batch_size=size)}

    return loader.tensors("images", made_by, make)["images"]


ChipPlace = tuple[AbstractNetwork, Crossbar, int, AbstractImages | NoImages]


def chip_images(
    loader: Loader,
    place: ChipPlace,
    attack: AbstractAttack,
    images: AbstractImages,
    seed: int,
    settings: RunSettings,
) -> tuple[Tensor, NetworkIdentity]:
    """Return adversarial images crafted on a chip, for other chips, and the identity of it."""
    network, crossbar, chip_seed, calibration = place
    split, content = images.load(loader), network.pinned(loader).content
    set_on = "" if isinstance(calibration, NoImages) else calibration.pinned(loader).fingerprint
    made_by = (
        "images of a chip", content.identity(), crossbar.identity(), str(chip_seed), set_on,
        attack.identity(), split.fingerprint(), str(seed), settings.identity(),
    )  # fmt: skip

    def make() -> Tensors:
        chip = load_chip(loader, *place, device=settings.device)
        return {"images": craft(chip, attack, split, seed=seed, batch_size=settings.batch_size)}

    made = loader.tensors("images", made_by, make)["images"]
    key = ("identity", *place, settings.device)
    if key not in loader.memory:
        loader.memory[key] = identify(load_chip(loader, *place, device=settings.device))
    found: NetworkIdentity = loader.memory[key]
    return made, found
