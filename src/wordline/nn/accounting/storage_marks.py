"""Marks on the storages of tensors, which views of a tensor share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef


@dataclass
class StorageMarks:
    """Bits by storage; a weak reference to each keeps its address from being reused."""

    marks: dict[int, tuple[StorageWeakRef, int]] = field(default_factory=dict)

    def of(self, tensors: Iterable[Tensor]) -> int:
        """Return the marks of all these tensors together."""
        mark = 0
        for tensor in tensors:
            mark |= self.marks.get(storage_address(tensor), (None, 0))[1]
        return mark

    def add(self, tensor: Tensor, mark: int) -> None:
        """Mark the storage of a tensor."""
        storage = _storage(tensor)
        if mark and storage is not None:
            reference, before = self.marks.get(storage._cdata, (None, 0))
            self.marks[storage._cdata] = (reference or StorageWeakRef(storage), before | mark)


def _storage(tensor: Tensor) -> Any:
    try:
        return tensor.untyped_storage()
    except NotImplementedError:  # sparse and nested tensors
        return tensor._values().untyped_storage() if tensor.layout != torch.strided else None


def storage_address(tensor: Tensor) -> int:
    """Return the address of a tensor's storage; 0 where it has none."""
    storage = _storage(tensor)
    return 0 if storage is None else storage._cdata
