"""A user's own network by name: `package.module:factory`, and a file with its weights."""

from __future__ import annotations

import importlib
import operator
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from .files import load_states, read_states

IDENTIFIER = r"[^\W\d]\w*"
DOTTED = rf"{IDENTIFIER}(\.{IDENTIFIER})*"


def from_factory(factory: str, weights: str | Path = "") -> nn.Module:
    """Call `package.module:factory` without arguments and return its network, in evaluation mode.

    `weights` is a safetensors or `torch.save` file with its state dict, under a key or behind a
    prefix where people put it (see `models.states`; `file.pt:ema` chooses a key); without it the
    factory has to load its own. The module is looked for in the current folder too. This runs the
    module's code: name only modules that you trust.

    Raises ValueError for a name, module, factory or weight file that cannot be used, TypeError for
    anything but a network.

    >>> from_factory("wordline.models.digits_cnn:DigitsCNN").training
    False
    """
    if not re.fullmatch(f"{DOTTED}:{DOTTED}", factory):
        raise ValueError(f"`factory` must read package.module:factory, got {factory!r}")
    states = read_states(weights) if str(weights) else {}
    module, _, attribute = factory.partition(":")
    # an initialisation must not move the caller's random stream
    with _current_folder(), torch.random.fork_rng(devices=[]):
        model = _call(_find(module, attribute), factory)
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"`factory` {factory!r} must return a torch.nn.Module, it returned "
            f"{type(model).__name__}"
        )
    return (load_states(model, states, str(weights)) if states else model).eval()


def _find(module: str, attribute: str) -> Callable[[], object]:
    try:
        imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            raise ValueError(
                f"`factory` names the module {module!r}, which is neither installed nor below "
                f"{os.getcwd()!r}"
            ) from error
        raise ValueError(
            f"`factory` names the module {module!r}, which needs {error.name!r}; install it"
        ) from error
    except Exception as error:  # any error of the user's file: the reason is theirs to read
        raise ValueError(
            f"`factory` names the module {module!r}, which fails when imported ({error!r})"
        ) from error
    try:
        found = operator.attrgetter(attribute)(imported)
    except AttributeError as error:
        raise ValueError(
            f"`factory` names {attribute!r}, which {module!r} does not have"
        ) from error
    if not callable(found):
        raise TypeError(
            f"`factory` names {attribute!r}, which must be callable, not {type(found).__name__}"
        )
    return (lambda: found) if isinstance(found, nn.Module) else found


def _call(build: Callable[[], object], factory: str) -> object:
    try:
        return build()
    except Exception as error:  # any error of the user's function
        raise ValueError(
            f"`factory` {factory!r} fails when called without arguments ({error!r})"
        ) from error


@contextmanager
def _current_folder() -> Iterator[None]:
    """Let modules of the current folder be imported, as `python -m` does; restore the path."""
    before = list(sys.path)
    sys.path.insert(0, os.getcwd())
    try:
        yield
    finally:
        sys.path[:] = before
