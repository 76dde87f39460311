"""What an interrupted training goes on from."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..files import write_atomically
from .selection import Kept

PARTS = {"key", "epochs", "seconds", "model", "optimizer", "kept"}


@dataclass(frozen=True)
class Checkpoint:
    """A file that is replaced after every epoch; `key` says which settings it belongs to."""

    path: Path
    key: str

    @classmethod
    def of(cls, path: Path, *settings: str) -> Checkpoint:
        """The checkpoint of a run with these settings."""
        return cls(path, hashlib.sha256("\n".join(settings).encode()).hexdigest())

    def save(
        self, epochs: int, seconds: float, model: nn.Module, optimizer: torch.optim.Optimizer, kept: Kept
    ) -> None:
        """Replace the file."""
        state = {
            "key": self.key,
            "epochs": epochs,
            "seconds": seconds,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "kept": kept.plain(),
        }
        content = io.BytesIO()  # torch's own writer makes a RuntimeError without a name of a full disk
        torch.save(state, content)
        write_atomically(self.path, lambda temporary: temporary.write_bytes(content.getbuffer()))

    def resume(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[int, float, Kept]:
        """Epochs done, seconds spent and the best epoch of an interrupted run of the same settings; or of none."""
        if not self.path.exists():
            return 0, 0.0, Kept()
        state = self._read()
        if state["key"] != self.key:
            raise ValueError(
                f"`out` holds {str(self.path)!r} of a run with other settings; delete it or choose another folder"
            )
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        return state["epochs"], state["seconds"], Kept(**state["kept"])

    def _read(self) -> dict[str, Any]:
        advice = "delete it to start over"
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged archive fails in a dozen ways
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ValueError(f"`out` holds a damaged checkpoint {str(self.path)!r} ({reason}); {advice}") from error
        if not isinstance(state, dict) or set(state) != PARTS:
            raise ValueError(f"`out` holds {str(self.path)!r}, which is no checkpoint of wordline; {advice}")
        return state
