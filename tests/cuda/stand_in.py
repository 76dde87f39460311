"""A device that keeps its tensors in main memory and refuses what a GPU refuses.

Where no GPU is at hand it shows that code reads each tensor on the tensor's own device. Tensors of
the device `stand-in` wrap tensors of the CPU; every operation runs on those, but as on CUDA

- tensors of two devices do not mix, zero-dimensional ones and indices of the CPU excepted,
- a generator draws on its own device alone,
- numpy sees nothing, and there are no products of integers.

It also counts the times that the host would wait for the device. It runs one operation after
another, so it shows nothing of streams or speed.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_iter, tree_map_only

NAME = "lazy"  # a device of torch that nothing else uses, and whose backward has no thread
_PRODUCTS = ("mm", "bmm", "addmm", "baddbmm", "mv", "addmv", "dot", "convolution")
_CPU_INDICES = ("index", "index_put", "index_put_", "_unsafe_index", "_index_put_impl_")
_COPIES = ("copy_", "_to_copy")
_WAITS = ("_local_scalar_dense", "nonzero", "_unique2", "masked_select", "equal")
_MAKERS = (  # torch's others fill one of the first two; the rest would resize what they fill
    "empty.memory_format", "empty_strided", "arange", "arange.start", "arange.start_step", "eye",
    "eye.m", "linspace", "randperm", "randperm.generator",
)  # fmt: skip
_AUTOCAST = torch.autocast
waits: list[str] = []  # operations at which the host waits for the device, since `lend`


class OnDevice(Tensor):
    """A tensor of the stand-in, around one of the CPU."""

    inner: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, inner: Tensor) -> OnDevice:
        out = torch.Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(),
            dtype=inner.dtype, device=torch.device(NAME, 0),
        )  # fmt: skip
        out.inner = inner
        return out

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})

    def tolist(self) -> Any:
        waits.append("tolist")
        return self.inner.tolist()

    def __format__(self, spec: str) -> str:
        waits.append("format")
        return format(self.inner, spec)


@cache
def _register() -> torch.library.Library:
    library = torch.library.Library("aten", "IMPL")
    for name in _MAKERS:
        base, _, overload = name.partition(".")
        func = getattr(getattr(torch.ops.aten, base), overload or "default")
        library.impl(name, partial(_make, func), "Lazy")
    library.impl("_copy_from", _copy, "Lazy")  # `torch.tensor` calls it directly
    return library


def autocast(device_type: str, *args: Any, **kwargs: Any) -> AbstractContextManager[Any]:
    """Do what `torch.autocast` does, which knows no such device: here it rounds nothing."""
    return nullcontext() if device_type == NAME else _AUTOCAST(device_type, *args, **kwargs)


def _copy(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    _run(torch.ops.aten.copy_.default, (target, source), {})
    return target


def _make(func: Any, *args: Any, **kwargs: Any) -> OnDevice:
    _refuse_foreign_generator(args, kwargs, to_here=True)
    return OnDevice(func(*args, **{**kwargs, "device": "cpu", "pin_memory": False}))


def lend() -> torch.device:
    """Return the device; nobody has waited for it yet."""
    _register()
    waits.clear()
    return torch.device(NAME, 0)


def _run(func: Any, args: Any, kwargs: Any) -> Any:
    name = func._schema.name.removeprefix("aten::")
    tensors = [x for x in tree_iter((args, kwargs)) if isinstance(x, Tensor)]
    here = any(isinstance(x, OnDevice) for x in tensors)
    asked = kwargs.get("device")
    to_here = here if asked is None else torch.device(asked).type == NAME
    if not (here or to_here):
        return func(*args, **kwargs)
    if here and name not in _COPIES:
        _refuse_other_devices(name, args, tensors)
    _refuse_foreign_generator(args, kwargs, to_here)
    if name in _WAITS or (name in _COPIES and not (to_here and _all_here(tensors))):
        waits.append(name)
    inner_args, inner = tree_map_only(OnDevice, lambda x: x.inner, (args, kwargs))
    if asked is not None:
        inner["device"] = torch.device("cpu") if to_here else torch.device(asked)
    sizes = [x.shape for x in tree_iter((inner_args, inner)) if isinstance(x, Tensor)]
    out = func(*inner_args, **inner)
    if sizes != [x.shape for x in tree_iter((inner_args, inner)) if isinstance(x, Tensor)]:
        raise NotImplementedError(f"{name}: this device cannot change a tensor's shape in place")
    if not to_here or not any(isinstance(x, Tensor) for x in tree_iter(out)):
        return out
    if name == "copy_" and not isinstance(args[0], OnDevice):
        return args[0]
    out = tree_map_only(Tensor, OnDevice, out)
    return return_and_correct_aliasing(func, args, kwargs, out) if here else out


def _all_here(tensors: list[Tensor]) -> bool:
    return all(isinstance(x, OnDevice) for x in tensors)


def _refuse_other_devices(name: str, args: Any, tensors: list[Tensor]) -> None:
    judged = [args[0]] if name in _CPU_INDICES else tensors
    if any(x.ndim > 0 and not isinstance(x, OnDevice) for x in judged):
        found = [f"{tuple(x.shape)} on {x.device}" for x in tensors]
        raise RuntimeError(f"{name}: expected all tensors to be on one device, found {found}")
    if name in _PRODUCTS and not all(x.is_floating_point() for x in tensors):
        raise RuntimeError(f"{name}: no products of integers on this device")


def _refuse_foreign_generator(args: Any, kwargs: Any, to_here: bool) -> None:
    for generator in (x for x in tree_iter((args, kwargs)) if isinstance(x, torch.Generator)):
        if to_here and generator.device.type != NAME:
            raise RuntimeError(f"expected a generator of {NAME}, found one of {generator.device}")
