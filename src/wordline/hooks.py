"""Hooks on named layers for the time of some passes, always removed afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import nn

AfterCall = Callable[[str, nn.Module, tuple[Any, ...], Any], Any]
BeforeCall = Callable[[str, nn.Module, tuple[Any, ...], dict[str, Any]], Any]


@contextmanager
def forward_hooks(layers: Mapping[str, nn.Module], hook: AfterCall) -> Iterator[None]:
    """Call `hook(name, layer, arguments, output)` after each call of one of the layers.

    A value that it returns takes the place of the output, as with torch's own hooks.

    >>> import torch
    >>> layer, shapes = nn.Linear(3, 2), []
    >>> with forward_hooks({"head": layer}, lambda name, _, x, y: shapes.append((name, *y.shape))):
    ...     _ = layer(torch.zeros(4, 3))
    >>> shapes, len(layer._forward_hooks)
    ([('head', 4, 2)], 0)
    """
    with ExitStack() as stack:
        for name, layer in layers.items():
            stack.callback(layer.register_forward_hook(partial(hook, name)).remove)
        yield


@contextmanager
def forward_pre_hooks(layers: Mapping[str, nn.Module], hook: BeforeCall) -> Iterator[None]:
    """Call `hook(name, layer, arguments, keywords)` before each call of one of the layers.

    A pair (arguments, keywords) that it returns takes the place of the given ones.
    """
    with ExitStack() as stack:
        for name, layer in layers.items():
            registered = layer.register_forward_pre_hook(partial(hook, name), with_kwargs=True)
            stack.callback(registered.remove)
        yield
