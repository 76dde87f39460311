"""Weights on disk: safetensors, or a `torch.save` file without code in it; written whole or not at all."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Call `write` on a temporary neighbour, then rename it over `path`: a crash leaves the old file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def save_weights(model: nn.Module, path: Path, *, half: bool = False) -> None:
    """The state dict as safetensors; `half` stores floating point as float16."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    if half:
        state = {name: t.half() if t.is_floating_point() else t for name, t in state.items()}
    write_atomically(path, lambda temporary: save_file(state, str(temporary)))


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """A state dict from a `.safetensors` file or a `torch.save` file; no code of the file is run."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"`weights` file {str(path)!r} does not exist")
    if path.suffix == ".safetensors":
        try:
            return load_file(str(path))
        except (SafetensorError, ValueError) as error:
            raise ValueError(f"`weights` file {str(path)!r} is not safetensors ({error})") from error
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"`weights` file {str(path)!r} is a pickle that would run code or is damaged; it was not loaded. "
            "Save the network's state_dict as safetensors instead"
        ) from error
    except (RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"`weights` file {str(path)!r} is damaged or no torch file ({error})") from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"`weights` file {str(path)!r} holds no state_dict (a mapping from names to tensors)")
    return state


def load_state(model: nn.Module, state: dict[str, Tensor], source: str) -> nn.Module:
    """Put a state dict into a network, exactly; refuses missing or unexpected names, shapes and non-finite values."""
    bad = [name for name, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if bad:
        raise ValueError(f"`weights` {source!r} holds NaN or Inf in {bad[0]!r}; train the network again")
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ValueError(f"`weights` {source!r} does not fit the network: {error}") from error
    return model
