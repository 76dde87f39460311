"""Where tensors wait to be used again: in memory, or in files that are checked whenever they are read."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from ..fingerprints import checksum
from ..files import write_atomically

Tensors = dict[str, Tensor]


class AbstractShelf(abc.ABC):
    """Named tensors by what made them."""

    @abc.abstractmethod
    def get(self, kind: str, key: str, make: Callable[[], Tensors], warn: Callable[[str], None]) -> Tensors:
        """The tensors of a key; `make` where there are none, or where they are damaged (then `warn` hears of it)."""

    def folder(self, kind: str, key: str, otherwise: Path) -> Path:
        """Where work on a key may leave files that an interrupted run goes on from."""
        return otherwise


class MemoryShelf(AbstractShelf):
    """Kept in memory while the process lives: adversarial images, which serve every chip, and nothing else."""

    def __init__(self) -> None:
        self._kept: dict[str, Tensors] = {}

    def get(self, kind: str, key: str, make: Callable[[], Tensors], warn: Callable[[str], None]) -> Tensors:
        """See `AbstractShelf.get`."""
        if kind != "images":
            return make()
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]


class FolderShelf(AbstractShelf):
    """One safetensors file a key, written whole or not at all; its header holds a checksum of names, shapes and bytes.

    Any number of processes may make the same key at once: what they write is equal, and the last one stands.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, kind: str, key: str) -> Path:
        """The file of a key."""
        return self.root / kind / f"{key}.safetensors"

    def get(self, kind: str, key: str, make: Callable[[], Tensors], warn: Callable[[str], None]) -> Tensors:
        """See `AbstractShelf.get`."""
        path = self.path(kind, key)
        if path.exists():
            try:
                return self._read(path, key)
            except (SafetensorError, ValueError, OSError) as error:
                warn(f"cached {kind} {path.name} was damaged ({error}) and was made anew")
        tensors = {
            name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in make().items()
        }
        data = to_bytes(tensors, metadata={"key": key, "sha256": checksum(tensors.items())})
        try:
            write_atomically(path, lambda temporary: temporary.write_bytes(data))
        except OSError as error:  # what was computed is worth more than keeping it
            warn(f"{kind} {path.name} could not be kept ({error}) and will be made anew")
        return tensors

    def folder(self, kind: str, key: str, otherwise: Path) -> Path:
        """A folder beside the file of the key."""
        return self.root / kind / key

    @staticmethod
    def _read(path: Path, key: str) -> Tensors:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        if header.get("key") != key:
            raise ValueError("it belongs to another key")
        if header.get("sha256") != checksum(tensors.items()):
            raise ValueError("its checksum does not agree")
        return tensors
