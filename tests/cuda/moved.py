"""Objects on another device, and answers from there beside those of the CPU."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

T = TypeVar("T")


def to(device: torch.device | str, tree: T) -> T:
    """Move every tensor in nested tuples, lists and dictionaries."""
    return tree_map_only(Tensor, lambda x: x.to(device), tree)


def assert_same(
    module: nn.Module, given: tuple[Any, ...], device: torch.device, *, rtol: float = 1e-4
) -> Any:
    """Require that a copy of a module on the device answers there what the module does here.

    Differences are judged by the norm of each answer. Returns the copy.
    """
    there = copy.deepcopy(module).to(device)
    assert devices_of(there) == {device.type}
    with torch.no_grad():
        expected, found = module(*given), there(*to(device, given))
    assert_close(found, expected, device, rtol=rtol)
    return there


def devices_of(module: nn.Module) -> set[str]:
    """Return the devices of all parameters and buffers."""
    return {x.device.type for x in (*module.parameters(), *module.buffers())}


def assert_close(found: Any, expected: Any, device: torch.device, *, rtol: float = 1e-4) -> None:
    """Require tensors of one structure, on the device, that are close in the sense of norms."""
    pairs = list(zip(_tensors(found), _tensors(expected), strict=True))
    assert pairs
    for ours, theirs in pairs:
        assert ours.device.type == device.type
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        ours, theirs = ours.detach().cpu().double(), theirs.detach().cpu().double()
        assert (ours - theirs).norm() <= rtol * theirs.norm()


def _tensors(tree: Any) -> list[Tensor]:
    found: list[Tensor] = []
    tree_map_only(Tensor, found.append, tree)
    return found
