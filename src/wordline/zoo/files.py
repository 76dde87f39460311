"""Weights on disk: safetensors, or a `torch.save` file without code in it; written whole or not at all."""

from __future__ import annotations

import hashlib
import pickle
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from ..files import write_atomically


def save_weights(model: nn.Module, path: Path, *, half: bool = False) -> None:
    """The state dict as safetensors; `half` stores floating point as float16, and refuses what does not fit."""
    state = model.state_dict()
    tensors = {name: t.detach().cpu().clone(memory_format=torch.contiguous_format) for name, t in state.items()}
    if half:
        tensors = {name: t.half() if t.is_floating_point() else t for name, t in tensors.items()}
        if bad := _not_finite(tensors):
            raise ValueError(f"`half` cannot hold {bad!r}: over 65504 or NaN; leave it out, or train the network again")
    data = to_bytes(tensors)
    write_atomically(path, lambda temporary: temporary.write_bytes(data))


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """A state dict from a `.safetensors` file or a `torch.save` file; no code of the file is run.

    A state dict may stand under the key "state_dict" or "model"; the prefix that DataParallel writes is dropped. Raises
    ValueError for a missing or damaged file, for a pickle that would run code, and for a file without a state dict.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"`weights` file {str(path)!r} does not exist")
    state = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    for key in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"`weights` file {str(path)!r} holds no state_dict (a mapping from names to tensors)")
    return {str(name).removeprefix("module."): value for name, value in state.items()}


def load_state(model: nn.Module, state: dict[str, Tensor], source: str) -> nn.Module:
    """Put a state dict into a network, exactly; refuses missing or unexpected names, shapes and non-finite values.

    A network that is refused is left as it was.
    """
    if bad := _not_finite(state):
        raise ValueError(f"`weights` {source!r} holds NaN or Inf in {bad!r}; train the network again")
    wanted = model.state_dict()
    for what, names in (("lacks", wanted.keys() - state.keys()), ("has the unexpected", state.keys() - wanted.keys())):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise ValueError(f"`weights` {source!r} does not fit the network: it {what} {min(names)!r}{more}")
    for name, tensor in wanted.items():
        if tensor.shape != state[name].shape:
            raise ValueError(
                f"`weights` {source!r} does not fit the network: {name!r} is {tuple(state[name].shape)}, "
                f"the network's is {tuple(tensor.shape)}"
            )
    model.load_state_dict(state, strict=True)
    return model


def weights_fingerprint(model: nn.Module) -> str:
    """Sixteen hex digits of the weights, which say what a fine-tuning started from."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def _not_finite(state: dict[str, Tensor]) -> str:
    """The first tensor that holds NaN or Inf; empty if none does."""
    return next((name for name, t in state.items() if t.is_floating_point() and not bool(t.isfinite().all())), "")


def _read_safetensors(path: Path) -> Any:
    try:
        return load_file(str(path))
    except (SafetensorError, ValueError, KeyError, OSError) as error:
        raise ValueError(f"`weights` file {str(path)!r} is damaged or not safetensors ({error})") from error


def _read_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        reason = f"would run {found.group(1)!r}" if found else "is damaged or holds more than tensors"
        raise ValueError(
            f"`weights` file {str(path)!r} is a pickle that {reason}; nothing of it was run. "
            "Save the network's state_dict as safetensors instead"
        ) from error
    except Exception as error:  # a damaged archive fails in a dozen ways
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"`weights` file {str(path)!r} is damaged or no torch file ({reason})") from error
