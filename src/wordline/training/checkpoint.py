"""Checkpoint of an interrupted training."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from torch import nn

from ..files import write_atomically
from .selection import BestEpoch

PARTS = {"key", "epochs", "seconds", "model", "optimizer", "best"}


@final
@dataclass(frozen=True)
class Checkpoint:
    """A file that is replaced after every epoch; `key` is a hash of the settings of its run."""

    path: Path
    key: str

    @classmethod
    def of(cls, path: Path, *settings: str) -> Checkpoint:
        """Make the checkpoint of a run with these settings."""
        return cls(path, hashlib.sha256("\n".join(settings).encode()).hexdigest())

    def save(
        self,
        epochs: int,
        seconds: float,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        best: BestEpoch,
    ) -> None:
        """Replace the file."""
        state = {
            "key": self.key,
            "epochs": epochs,
            "seconds": seconds,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "best": best.as_dict(),
        }
        content = io.BytesIO()  # torch's own writer reports a full disk without the file's name
        torch.save(state, content)
        write_atomically(self.path, lambda temporary: temporary.write_bytes(content.getbuffer()))

    def resume(
        self, model: nn.Module, optimizer: torch.optim.Optimizer
    ) -> tuple[int, float, BestEpoch]:
        """Restore an interrupted run; return the epochs done, seconds spent and the best epoch.

        Without a file nothing is restored, and all three are zero. Raises ValueError for a damaged
        file and for one of other settings.
        """
        if not self.path.exists():
            return 0, 0.0, BestEpoch()
        state = self._read()
        if state["key"] != self.key:
            raise ValueError(
                f"`out` holds {str(self.path)!r} of a run with other settings; delete it or choose "
                "another folder"
            )
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        return state["epochs"], state["seconds"], BestEpoch(**state["best"])

    def _read(self) -> dict[str, Any]:
        path, advice = repr(str(self.path)), "delete it to start over"
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged archive fails in a dozen ways
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ValueError(
                f"`out` holds a damaged checkpoint {path} ({reason}); {advice}"
            ) from error
        if not isinstance(state, dict) or set(state) != PARTS:
            raise ValueError(f"`out` holds {path}, which is no checkpoint of wordline; {advice}")
        return state
