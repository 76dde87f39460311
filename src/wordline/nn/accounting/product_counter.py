"""A count of multiply-accumulates, operation by operation, while a network computes.

Each storage is marked: it depends on the images, it depends on arrays. A product of a tensor that
depends on the images with one that does not is a product by weights. It is on arrays inside a
mapped layer, or where its weight is the effective weight of one; otherwise it is digital, and named
by the module that computes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from ...records import DigitalProduct, Products
from ..abstract_mapped_layer import AbstractMappedLayer
from ..layer_selection import is_requested
from ..mapped_layer import MappedLayer
from .macs import factors, has_formula, macs_of
from .storage_marks import StorageMarks, storage_address

IMAGES, ARRAYS = 1, 2
_VALUES_UNUSED = (
    "_like", "new_zeros", "new_ones", "new_full", "new_empty", "new_empty_strided",
)  # fmt: skip


class ProductCounter(TorchDispatchMode):
    """A torch mode that sees every operation of a pass.

    `digital`: layers known to be digital, with the reason; `samples`: inferences that all passes
    together make; `prefix`: path of the mapped network below `root`, which names leave out.
    """

    def __init__(
        self, root: nn.Module, digital: Mapping[str, str], samples: int, prefix: str
    ) -> None:
        super().__init__()
        self.root, self.digital, self.samples, self.prefix = root, digital, samples, prefix
        self.marks, self.path, self.inside = StorageMarks(), [""], 0
        self.on_arrays, self.activations = 0.0, 0.0
        self.products: dict[tuple[str, str, str], float] = {}
        self.names: dict[int, str] = {}
        for name, tensor in [*root.named_parameters(), *root.named_buffers()]:
            self.names.setdefault(storage_address(tensor), self._plain(name))
        for module in root.modules():
            if isinstance(module, MappedLayer) and module.has_matrix:
                self.marks.add(module.effective_weight, ARRAYS)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """See every operation of the passes run inside, and the module that it runs in."""
        with ExitStack() as stack:
            for handle in self._hooks():
                stack.callback(handle.remove)
            with self:
                yield

    def _hooks(self) -> Iterator[Any]:
        for name, module in self.root.named_modules():
            if isinstance(module, torch.jit.ScriptModule):
                continue
            if isinstance(module, AbstractMappedLayer):
                yield module.register_forward_pre_hook(self._enter_array, with_kwargs=True)
                yield module.register_forward_hook(
                    self._leave_array, with_kwargs=True, always_call=True
                )
            else:
                plain = self._plain(name)
                yield module.register_forward_pre_hook(lambda *_, at=plain: self.path.append(at))
                yield module.register_forward_hook(lambda *_: _drop(self.path), always_call=True)

    def _plain(self, name: str) -> str:
        """Return a module's name in the software network."""
        return "" if name == self.prefix else name.removeprefix(f"{self.prefix}.")

    def _enter_array(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self.inside:
            leaves = pytree.tree_leaves((args, kwargs))
            x = next(leaf for leaf in leaves if isinstance(leaf, Tensor))
            with _paused(self):
                vectors = layer.product.vector_count(x)
            self.on_arrays += vectors * layer.weight_count
        self.inside += 1

    def _leave_array(self, layer: nn.Module, args: Any, kwargs: Any, out: Any) -> None:
        self.inside -= 1
        if not self.inside and isinstance(out, Tensor):
            self.marks.add(out, IMAGES | ARRAYS)

    def mark_images(self, *args: Any) -> None:
        """Mark the arguments of the pass."""
        for tensor in _tensors(args):
            self.marks.add(tensor, IMAGES)

    def __torch_dispatch__(
        self,
        function: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the operation, count it, and mark what it returns and changes."""
        kwargs = kwargs or {}
        if self.inside:
            return function(*args, **kwargs)
        if not has_formula(function) and function is not torch.ops.prim.device.default:
            with self:
                parts = function.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        out = function(*args, **kwargs)
        operands = list(_tensors((args, kwargs)))
        if macs := macs_of(function, args, kwargs, out):
            self._count(function, list(_tensors(factors(function, args))), macs)
        name = function._schema.name.split("::")[-1]
        mark = 0 if name.endswith(_VALUES_UNUSED) else self.marks.of(operands)
        for tensor in _tensors(out):
            self.marks.add(tensor, mark)
        for argument, value in zip(function._schema.arguments, args, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write:
                for tensor in _tensors(value):
                    self.marks.add(tensor, mark)
        return out

    def _count(self, function: Any, operands: list[Tensor], macs: float) -> None:
        marks = [self.marks.of([operand]) for operand in operands]
        if not any(mark & IMAGES for mark in marks):
            return  # weights with weights: computed alike for every image
        pairs = zip(operands, marks, strict=True)
        weights = [(o, m) for o, m in pairs if not m & IMAGES and o.dim() > 1]
        packed = len(operands) < 2
        if not weights and not packed:
            self.activations += macs
        elif weights and all(mark & ARRAYS for _, mark in weights):
            self.on_arrays += macs
        else:
            weight = next((o for o, m in weights if not m & ARRAYS), None)
            key = (self.path[-1], function._schema.name.split("::")[-1], self._name(weight))
            self.products[key] = self.products.get(key, 0.0) + macs

    def _name(self, weight: Tensor | None) -> str:
        if weight is None:
            return "packed weights"
        shape = " x ".join(map(str, weight.shape))
        return self.names.get(
            storage_address(weight), f"a tensor of {shape} that is no parameter or buffer"
        )

    def result(self) -> Products:
        """Return the products of all passes that were watched, for one inference."""
        rows = tuple(
            self._digital(*key, macs / self.samples) for key, macs in self.products.items()
        )
        return Products(self.on_arrays / self.samples, rows, self.activations / self.samples)

    def depends_on_arrays(self, out: Any) -> bool:
        """Tell whether any tensor that a watched pass returned depends on arrays."""
        return bool(self.marks.of(_tensors(out)) & ARRAYS)

    def _digital(self, layer: str, operation: str, weight: str, macs: float) -> DigitalProduct:
        words = layer.split(".")
        around = [".".join(words[:n]) for n in range(len(words), 0, -1)]
        below = f"{layer}."
        inside = [why for name, why in self.digital.items() if layer and name.startswith(below)]
        known = next((self.digital[name] for name in around if name in self.digital), "")
        known = known or next(iter(inside), "")
        reason = known or "it multiplies by its weights itself, in a way that is not mapped"
        requested = is_requested(known)
        return DigitalProduct(layer or "model", operation, weight, macs, reason, requested)


def _drop(path: list[str]) -> None:
    path.pop()


@contextmanager
def _paused(mode: ProductCounter) -> Iterator[None]:
    """Let operations pass uncounted."""
    mode.inside += 1
    try:
        yield
    finally:
        mode.inside -= 1


def _tensors(tree: Any) -> Iterator[Tensor]:
    for leaf in pytree.tree_leaves(tree):
        if isinstance(leaf, Tensor):
            yield leaf
        elif hasattr(leaf, "__dict__") and not isinstance(leaf, nn.Module | type):
            yield from (held for held in vars(leaf).values() if isinstance(held, Tensor))
