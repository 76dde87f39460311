"""The loader of a study: data sets from a folder, memory of this process, and a cache on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import nn

from ..datasets import ImageData, ImageSplit, load_dataset, name_of
from ..evaluation.score import versions
from ..progress import AbstractProgress, Silent
from ..values import Value
from .cache import AbstractCache, DiskCache, MemoryCache, Tensors
from .image_inputs import Images
from .network_inputs import AbstractNetwork


class Store:
    """A `Loader`: everything that cells share, made once by name and content.

    `root`: folder of the data sets that do not ship with wordline, either of one of them or with a
    folder for each. `warnings` collects what went wrong without spoiling a result.
    """

    def __init__(
        self,
        cache: AbstractCache | None = None,
        root: str = "",
        *,
        progress: AbstractProgress | None = None,
    ) -> None:
        self.cache = MemoryCache() if cache is None else cache
        self.root = root
        self.progress: AbstractProgress = progress or Silent()
        self.warnings: list[str] = []
        self.memory: dict[Hashable, Any] = {}

    def hold(self, network: AbstractNetwork, module: nn.Module) -> None:
        """Use a module of the caller's for a network."""
        self.memory[network, "cpu"] = module

    def hold_images(self, split: ImageSplit) -> Images:
        """Use a split of the caller's, and return the name by which cells ask for it."""
        images = Images(split.name, fingerprint=split.fingerprint(), count=len(split))
        self.memory[images] = split
        return images

    def release(self) -> None:
        """Forget everything in memory."""
        self.memory.clear()

    def data(self, name: str, side: int = 0) -> ImageData:
        key = ("data", name, side)
        if key not in self.memory:
            own = (Path(self.root) / folder for folder in (name_of(name, side), name))
            root = next((str(folder) for folder in own if folder.is_dir()), self.root)
            ships = name == "digits" or not self.root
            self.memory[key] = load_dataset(name, "" if ships else root, side)
        found: ImageData = self.memory[key]
        return found

    def tensors(self, kind: str, made_by: tuple[str, ...], make: Callable[[], Tensors]) -> Tensors:
        return self.cache.get(kind, _digest(made_by), make, self.warnings.append)

    def folder(self, kind: str, made_by: tuple[str, ...], otherwise: Path) -> Path:
        return self.cache.folder(kind, _digest(made_by), otherwise)


@dataclass(frozen=True)
class StoreConfig(Value):
    """The folders of a store, as a worker is told: the cache ("" keeps nothing) and the data."""

    former_names: ClassVar[tuple[str, ...]] = ("Place",)

    cache: str = ""
    root: str = ""

    def open(self, progress: AbstractProgress | None = None) -> Store:
        """Return a store of this process."""
        cache = DiskCache(Path(self.cache)) if self.cache else MemoryCache()
        return Store(cache, self.root, progress=progress)


def _digest(made_by: tuple[str, ...]) -> str:
    lines = [*made_by, *(f"{name} {version}" for name, version in sorted(versions().items()))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]
