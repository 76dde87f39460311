"""Weights on disk: safetensors, or a `torch.save` file without code in it."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import nn

from ..files import write_atomically
from .states import State, States, choose_state, fit_states, state_dicts


def save_weights(model: nn.Module, path: Path, *, half: bool = False) -> None:
    """Write the state dict as safetensors, whole or not at all.

    `half` stores floating point as float16, and raises ValueError for numbers that do not fit.
    """
    layout = torch.contiguous_format
    state = {
        name: tensor.detach().cpu().clone(memory_format=layout)
        for name, tensor in model.state_dict().items()
    }
    if half:
        state = {name: t.half() if t.is_floating_point() else t for name, t in state.items()}
        if bad := _not_finite(state):
            raise ValueError(
                f"`half` cannot hold {bad!r}: over 65504 or NaN; leave it out, or train the "
                "network again"
            )
    data = to_bytes(state)
    write_atomically(path, lambda temporary: temporary.write_bytes(data))


def read_weights(path: str | Path) -> State:
    """Read a state dict from a `.safetensors` or `torch.save` file; no code in the file is run.

    Of several in one file it is the one of most tensors; `file.pt:KEY` chooses. Names stay as they
    are in the file. Raises ValueError for a missing or damaged file, for a pickle that would run
    code, for a file without a state dict, and for two of equal size.
    """
    states = read_states(path)
    largest = max(len(state) for state in states.values())
    first, *others = [key for key, state in states.items() if len(state) == largest]
    if others:
        raise ValueError(
            f"`weights` file {str(path)!r} holds the states {first!r} and {others[0]!r}; choose by "
            f"{f'{path}:{first}'!r} or {f'{path}:{others[0]}'!r}"
        )
    return states[first]


def load_state(model: nn.Module, state: State, source: str) -> nn.Module:
    """Put a state dict into a network, exactly.

    Prefixes are taken off where every name then fits (see `models.states`). Raises ValueError for
    missing or unexpected names, other shapes and values that are not finite; the network is then
    left as it was.
    """
    return load_states(model, {"": state}, source)


def load_states(model: nn.Module, states: States, source: str) -> nn.Module:
    """Put the one of several state dicts into a network of which every name fits."""
    state = fit_states(model, states, source)
    if bad := _not_finite(state):
        raise ValueError(
            f"`weights` {source!r} holds NaN or Inf in {bad!r}; train the network again"
        )
    model.load_state_dict(state, strict=False)  # every name fits; counts of batches may be missing
    return model


def read_states(path: str | Path) -> States:
    """Read every state dict in a file, by its key there; of `file.pt:KEY` the one under KEY."""
    file, _, key = str(path).rpartition(":")
    file, key = (str(path), "") if Path(path).is_file() or not file else (file, key)
    where = Path(file)
    if not where.is_file():
        raise ValueError(f"`weights` file {str(path)!r} does not exist")
    read = _read_safetensors if where.suffix == ".safetensors" else _read_torch
    states = state_dicts(read(where))
    if not states:
        raise ValueError(
            f"`weights` file {str(path)!r} holds no state_dict (a mapping from names to tensors)"
        )
    return choose_state(states, key, file) if key else states


def _not_finite(state: State) -> str:
    """Name of the first tensor that holds NaN or Inf; empty if none does."""
    floating = {name: t for name, t in state.items() if t.is_floating_point()}
    return next((name for name, t in floating.items() if not bool(t.isfinite().all())), "")


def _read_safetensors(path: Path) -> Any:
    try:
        return load_file(str(path))
    except (SafetensorError, ValueError, KeyError, OSError) as error:
        raise ValueError(
            f"`weights` file {str(path)!r} is damaged or not safetensors ({error})"
        ) from error


def _read_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        reason = (
            f"would run {found.group(1)!r}" if found else "is damaged or holds more than tensors"
        )
        raise ValueError(
            f"`weights` file {str(path)!r} is a pickle that {reason}; nothing of it was run. "
            "Save the network's state_dict as safetensors instead, where it was made: "
            "safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')"
        ) from error
    except Exception as error:  # a damaged archive fails in a dozen ways
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"`weights` file {str(path)!r} is damaged or no torch file ({reason})"
        ) from error
