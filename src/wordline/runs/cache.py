"""A cache of tensors: in memory, or in files that are checked whenever they are read."""

from __future__ import annotations

import abc
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from ..files import write_atomically
from ..fingerprints import checksum

Tensors = dict[str, Tensor]


class AbstractCache(abc.ABC):
    """A map from the content key of named tensors to the tensors."""

    @abc.abstractmethod
    def get(
        self, kind: str, key: str, make: Callable[[], Tensors], warn: Callable[[str], None]
    ) -> Tensors:
        """Return the tensors of a key; call `make` if there are none, or if they are damaged.

        `warn` is called with a sentence about damage and about files that cannot be written.
        """

    def folder(self, kind: str, key: str, otherwise: Path) -> Path:
        """Return a folder for the files of unfinished work on a key; here `otherwise`."""
        return otherwise


class MemoryCache(AbstractCache):
    """A cache in memory of adversarial images, which serve every chip, and of nothing else."""

    def __init__(self) -> None:
        self._kept: dict[str, Tensors] = {}

    def get(
        self, kind: str, key: str, make: Callable[[], Tensors], warn: Callable[[str], None]
    ) -> Tensors:
        if kind != "images":
            return make()
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]


class DiskCache(AbstractCache):
    """A cache of one safetensors file a key, written whole or not at all.

    The header holds a checksum of names, shapes and bytes. Any number of processes may make the
    same key at once: they write equal files, and the last one stands.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, kind: str, key: str) -> Path:
        """Return the file of a key."""
        return self.root / kind / f"{key}.safetensors"

    def get(
        self, kind: str, key: str, make: Callable[[], Tensors], warn: Callable[[str], None]
    ) -> Tensors:
        path = self.path(kind, key)
        if path.exists():
            try:
                return self._read(path, key)
            except (SafetensorError, ValueError, OSError) as error:
                warn(f"cached {kind} {path.name} was damaged ({error}) and was made anew")
        tensors = {name: _portable(tensor) for name, tensor in make().items()}
        header = {"key": key, "sha256": checksum(tensors.items())}
        data = to_bytes(tensors, metadata=header)
        try:
            write_atomically(path, lambda temporary: temporary.write_bytes(data))
        except OSError as error:  # the computed tensors are worth more than the file
            warn(f"{kind} {path.name} could not be kept ({error}) and will be made anew")
        return tensors

    def folder(self, kind: str, key: str, otherwise: Path) -> Path:
        return self.root / kind / key

    @staticmethod
    def _read(path: Path, key: str) -> Tensors:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            names = file.keys()  # safe_open is no mapping
            tensors = {name: file.get_tensor(name) for name in names}
        if header.get("key") != key:
            raise ValueError("it belongs to another key")
        if header.get("sha256") != checksum(tensors.items()):
            raise ValueError("its checksum does not agree")
        return tensors


def _portable(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
