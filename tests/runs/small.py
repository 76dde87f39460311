"""A study of a few seconds on the digits, with cells that fail, wait and die when told to.

Loaded as a study's file by `wordline study`, in worker processes and on Ray.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import wordline as wl
from wordline.records.record import Estimate
from wordline.runs import AbstractCell, Grid, Images, PretrainedNetwork, Store, Study
from wordline.values import Value


@dataclass(frozen=True, kw_only=True)
class Touchy(AbstractCell):
    """A cell that leaves its process id in `folder`.

    A file there tells it to fail, to wait for ever, or to die.
    """

    index: int
    folder: str = ""

    @property
    def label(self) -> str:
        return f"touchy {self.index}"

    def run(self, store: Store) -> Value:
        folder = Path(self.folder)
        (folder / f"pid-{self.index}-{os.getpid()}").touch()
        if (folder / f"fail-{self.index}").exists():
            raise RuntimeError(f"told to fail\nat {self.index}")
        while (folder / f"wait-{self.index}").exists():
            time.sleep(0.05)
        if (folder / f"die-{self.index}").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return Estimate(self.index / 8, 0.0, 1.0)


def cells(scale: str) -> tuple[AbstractCell, ...]:
    if folder := os.environ.get("TOUCHY", ""):
        return tuple(Touchy(index=index, folder=folder) for index in range(8))
    gains = (wl.UnitGain(), wl.LeastSquaresGain())
    grid = Grid(
        crossbars=tuple(wl.Crossbar.preset("rethinking-16", gain=gain) for gain in gains),
        attacks=(wl.FGSM(eps=0.1), wl.PGD(eps=0.1, steps=3, step_size=0.05, early_stop=True)),
        batch_size=20,
    )
    return grid.cells(
        PretrainedNetwork("digits-cnn"), Images("digits", limit=40 if scale == "quick" else 80)
    )


STUDY = Study(title="Small", reproduces="nothing", cells=cells, expected="ten records")
