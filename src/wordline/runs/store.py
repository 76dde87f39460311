"""Where a cell gets its images, networks, chips and adversarial images from; what costs time is kept by content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from ..attacks import AbstractAttack
from ..models import correct
from ..evaluation import craft, party
from ..evaluation.score import versions
from ..mapping import Crossbar
from ..nn import Chip, calibrate
from ..nn.cached_programming import map_with_states, program_states
from ..progress import AbstractProgress, Silent
from ..records.record import Party
from ..values import Value
from ..datasets import ImageData, ImageSplit, load_dataset, to_float
from .inputs import AbstractNetwork, Images, NoImages
from .cache import AbstractShelf, FolderShelf, MemoryShelf, Tensors


class Store:
    """What cells ask for, by name and content. In memory the last chip is kept; on the shelf whatever took time.

    `root`: folder of the data sets that do not ship with wordline, either of one of them or with a folder for each.
    `warnings` collects what went wrong without spoiling a result.
    """

    def __init__(
        self, shelf: AbstractShelf | None = None, root: str = "", *, progress: AbstractProgress | None = None
    ) -> None:
        self.shelf = MemoryShelf() if shelf is None else shelf
        self.root, self.progress = root, progress or Silent()
        self.warnings: list[str] = []
        self._data: dict[str, ImageData] = {}
        self._splits: dict[Images, ImageSplit] = {}
        self._networks: dict[tuple[AbstractNetwork, str], nn.Module] = {}
        self._chip: tuple[object, Chip] | None = None
        self._clean: tuple[object, Tensor] | None = None

    def hold(self, network: AbstractNetwork, module: nn.Module) -> None:
        """Answer for a network with a module of the caller's."""
        self._networks[network, "cpu"] = module

    def hold_images(self, split: ImageSplit) -> Images:
        """Answer for images with a split of the caller's; how cells call it."""
        images = Images.of(split)
        self._splits[images] = split
        return images

    def data(self, name: str) -> ImageData:
        """A data set by name."""
        if name not in self._data:
            below = Path(self.root) / name
            root = "" if name == "digits" or not self.root else str(below if below.is_dir() else self.root)
            self._data[name] = load_dataset(name, root)
        return self._data[name]

    def split(self, images: Images) -> ImageSplit:
        """The images; refused if they are others than those that the cell was pinned to."""
        if images not in self._splits:
            found = images.load(self)
            if images.fingerprint and images.fingerprint != found.fingerprint():
                raise ValueError(
                    f"`root` holds other images of {images.data!r} than those this study was started with "
                    f"({found.fingerprint()}, not {images.fingerprint}); point every worker to the same files"
                )
            self._splits[images] = found
        return self._splits[images]

    def network(self, network: AbstractNetwork, device: str = "cpu") -> nn.Module:
        """The software network; refused if its content is another than the one that the cell was pinned to."""
        if (network, device) not in self._networks:
            loaded = network.load(self).to(device)
            if network.party.weights and party(loaded) != network.party:
                raise ValueError(f"`network` {network!r} has other weights or another structure here; use one version")
            self._networks[network, device] = loaded
        return self._networks[network, device]

    def chip(
        self, network: AbstractNetwork, crossbar: Crossbar, seed: int, calibration: Images | NoImages = NoImages(), *,  # noqa: B008
        device: str = "cpu",
    ) -> Chip:  # fmt: skip
        """The network on a sample of a crossbar; its converters, where they need it, set on the calibration images."""
        named = network, crossbar, seed, calibration, device
        if self._chip is None or self._chip[0] != named:
            software = self.network(network)
            made_by = ("chip", party(software).identity(), crossbar.identity(), str(seed))
            states = self.tensors("chips", made_by, lambda: program_states(software, crossbar, seed))
            chip = map_with_states(software, crossbar, seed, states)
            if isinstance(calibration, Images):
                calibrate(chip, self.split(calibration), limit=0)
            self._chip = named, chip.to(device)
        return self._chip[1]

    def clean(self, asked: object, victim: nn.Module, split: ImageSplit, batch_size: int) -> Tensor:
        """Which clean images a victim gets right, `(N,)`; kept of the last one, for its cells come one after another.

        `asked` must say everything that decides the answers, which must be the same at every pass.
        """
        if self._clean is None or self._clean[0] != asked:
            self._clean = asked, correct(victim, to_float(split.images), split.labels, batch_size=batch_size)
        return self._clean[1]

    def adversarial(
        self, source: nn.Module, who: Party, attack: AbstractAttack, images: Images, seed: int, conditions: Conditions
    ) -> Tensor:
        """Adversarial versions of the images, crafted on the source."""
        split = self.split(images)
        made_by = (
            "images", who.identity(), attack.identity(), split.fingerprint(), str(seed), conditions.identity(),
        )  # fmt: skip

        def make() -> Tensors:
            return {"images": craft(source, attack, split, seed=seed, batch_size=conditions.batch_size)}

        return self.tensors("images", made_by, make)["images"]

    def tensors(self, kind: str, made_by: tuple[str, ...], make: Callable[[], Tensors]) -> Tensors:
        """What `make` makes, or what it made before; `made_by` must say everything that decides it."""
        return self.shelf.get(kind, _digest(made_by), make, self.warnings.append)

    def folder(self, kind: str, made_by: tuple[str, ...], otherwise: Path) -> Path:
        """Where interrupted work on these tensors goes on from."""
        return self.shelf.folder(kind, _digest(made_by), otherwise)


@dataclass(frozen=True)
class Conditions(Value):
    """What decides the rounding of floats."""

    batch_size: int
    threads: int
    device: str = "cpu"


@dataclass(frozen=True)
class Place(Value):
    """Where a store is, as it is told to a worker: the folder of the cache ("" keeps nothing) and of the data."""

    cache: str = ""
    root: str = ""

    def store(self, progress: AbstractProgress | None = None) -> Store:
        """The store of this process."""
        return Store(FolderShelf(Path(self.cache)) if self.cache else MemoryShelf(), self.root, progress=progress)


def _digest(made_by: tuple[str, ...]) -> str:
    text = "\n".join((*made_by, *(f"{name} {version}" for name, version in sorted(versions().items()))))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
