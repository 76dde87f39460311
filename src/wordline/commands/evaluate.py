"""The command `evaluate`: accuracy in software, under transfer, and white-box."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from ..progress import Bar
from ..values import require_integer
from .option_groups import (
    Attack,
    AttackOptions,
    Data,
    DataOptions,
    Network,
    NetworkOptions,
    Run,
    RunOptions,
)
from .options import crossbar_of, print_records, require_files

if TYPE_CHECKING:
    from ..mapping import Crossbar


@dataclass(frozen=True)
class GridOptions:
    """The chips and the settings.

    Args:
        crossbar: presets or JSON files; every one is combined with every gain.
        gain: unit, least-squares or per-column.
        settings: SW is software, SH a chip under transfer, HH a chip white-box.
        seeds: one chip each.
        draws: number of passes of a chip with read noise; at least 20 for a result.
        calibration: training images on which converters with a calibrated range are set.
        twin: beside every chip its attenuated twin, software of weights as much smaller as the chip
            makes each layer: what of a chip's gain is lost current. Chips without matrices are
            measured on the calibration images.
        crafted_on: seeds of further chips of each crossbar, whose images are scored on every chip:
            variation drawn anew between crafting and scoring (chip-to-chip).
    """

    crossbar: tuple[str, ...] = ("rethinking-64",)
    gain: tuple[str, ...] = ("unit",)
    settings: tuple[str, ...] = ("SW", "SH", "HH")
    seeds: tuple[int, ...] = (0,)
    draws: int = 1
    calibration: int = 200
    twin: bool = False
    crafted_on: tuple[int, ...] = ()

    def load(self) -> tuple[Crossbar, ...]:
        """Return the crossbars."""
        require_integer("calibration", self.calibration, at_least=1)
        return tuple(crossbar_of(name, gain) for gain in self.gain for name in self.crossbar)


def evaluate(
    network: Network = NetworkOptions(),
    data: Data = DataOptions(),
    grid: tyro.conf.OmitArgPrefixes[GridOptions] = GridOptions(),
    attack: Attack = AttackOptions(),
    run: Run = RunOptions(),
    out: Path = Path("runs/evaluate.jsonl"),
    json: bool = False,
) -> None:
    """Measure accuracy in software, under transfer (SH) and white-box (HH).

    Finished cells are in `out` and are not computed again.

    Args:
        out: JSON lines, one a finished cell.
    """
    attacks, crossbars = attack.load(), grid.load()
    require_files(("out", out))
    from ..runs import Grid, Journal, Twin, run_grid
    from ..runs.stand_ins import needs_images

    run.apply()
    software, loaded = network.load(), data.load()
    split = loaded.test.take(run.limit) if run.limit else loaded.test
    twins = map(Twin, crossbars) if grid.twin else ()
    calibrated = any(needs_images(place) for place in (*crossbars, *twins))
    records = run_grid(
        software,
        split,
        Grid(
            crossbars, attacks, grid.seeds, grid.settings, run.batch_size, draws=grid.draws,
            twins=grid.twin, crafted_on=grid.crafted_on,
        ),
        Journal(out),
        calibration=loaded.train.take(grid.calibration) if calibrated else None,
        progress=Bar(),
    )
    title = f"{network.model} on {data.data}, {len(split)} test images; 95 % intervals"
    print_records(records, json, title=title)
