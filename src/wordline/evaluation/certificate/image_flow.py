"""The way of the images through a network, operation by operation, up to its first noisy layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from ...nn.accounting.storage_marks import StorageMarks

IMAGES, CHANGED = 1, 2
_SAME_ORDER = {
    "view", "_unsafe_view", "clone", "detach", "alias", "_to_copy", "unsqueeze", "squeeze", "neg",
    "lift_fresh",
}  # fmt: skip
_WITH_CONSTANTS = {"add", "sub", "rsub", "mul", "div"}
_OVERLOADS = {"default", "Tensor", "Scalar", "dim", "dims"}


class ImageFlow(TorchDispatchMode):
    """A torch mode that follows the images of a pass up to layers that add noise.

    Storages are marked: one that depends on the images, and one that depends on them otherwise than
    by a shift and a factor for each pixel. `entered`: the first noisy layer that the images reach,
    its name and its input. `leaks`: reasons why the answers depend on more than its outputs.
    """

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        super().__init__()
        self.layers, self.marks, self.inside = layers, StorageMarks(), 0
        self.entered: list[tuple[str, nn.Module, Tensor]] = []
        self.changes: list[str] = []
        self.leaks: list[str] = []

    @contextmanager
    def watching(self, images: Tensor) -> Iterator[None]:
        """See every operation of the passes over these images run inside."""
        with ExitStack() as stack:
            for name, layer in self.layers.items():
                enter = layer.register_forward_pre_hook(self._enter(name), with_kwargs=True)
                leave = layer.register_forward_hook(self._leave, always_call=True)
                stack.callback(enter.remove)
                stack.callback(leave.remove)
            self.marks.add(images, IMAGES)
            with self:
                yield

    def depends(self, out: Any) -> bool:
        """Tell whether tensors depend on the images on a way around the noisy layer."""
        return bool(self.marks.of(_tensors(out)))

    def _enter(self, name: str) -> Callable[..., None]:
        def hook(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            seen = list(_tensors((args, kwargs)))
            mark = self.marks.of(seen)
            if mark and not self.inside:
                if self.entered:
                    first = self.entered[0][0]
                    self.leaks.append(
                        f"the layer {name!r} sees them"
                        + (" again" if first == name else f" as well as {first!r}")
                    )
                self.entered.append((name, layer, seen[0]))
            self.inside += 1

        return hook

    def _leave(self, *_: Any) -> None:
        self.inside -= 1

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        """Run an operation, and mark what it makes and changes of marked tensors."""
        kwargs = kwargs or {}
        if self.inside:
            return function(*args, **kwargs)
        given = list(_tensors((args, kwargs)))
        mark = self.marks.of(given)
        out = function(*args, **kwargs)
        if mark:
            self._mark(function, mark, args, given, out)
        return out

    def _mark(
        self, function: Any, mark: int, args: tuple[Any, ...], given: list[Tensor], out: Any
    ) -> None:
        name = function._schema.name.split("::")[-1]
        made = list(_tensors(out))
        if not made:
            self.leaks.append(f"the network decides by them itself ({name})")
        marked = [tensor for tensor in given if self.marks.of([tensor])]
        plain, overload = name.removesuffix("_"), function._overloadname
        affine = overload in _OVERLOADS and len(marked) == len(made) == 1
        affine = affine and made[0].numel() == marked[0].numel() and _wide(made[0])
        if plain in _WITH_CONSTANTS:
            affine = affine and (plain != "div" or args[0] is marked[0])
        elif plain not in _SAME_ORDER:
            affine = False
        if not affine:
            self.changes.append(name)
            mark |= CHANGED
        for argument, value in zip(function._schema.arguments, args, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write:
                made += _tensors(value)
        for tensor in made:
            self.marks.add(tensor, mark)


def _wide(tensor: Tensor) -> bool:
    """Tell whether a tensor's numbers are of at least single precision."""
    return tensor.dtype in (torch.float32, torch.float64)


def _tensors(tree: Any) -> Iterator[Tensor]:
    return (leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, Tensor))
