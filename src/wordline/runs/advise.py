"""The choice of a crossbar for a network: tile, r_on and ADC bits against accuracy and cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from ..attacks import PGD, WorstCase
from ..attacks.norms import require_radius
from ..datasets import Pairs, as_split, to_float
from ..devices import Calibrated, IdealConverter, Memristor, UniformConverter
from ..mapping import Crossbar
from ..nn import ChipReport, map_model
from ..progress import AbstractProgress, Advance, Silent
from ..records import Advice, Option, compare_options, worst_case
from ..records.record import Estimate, Record
from ..values import require_instance, require_integer, require_number, takes_numbers
from .grid import Grid, run_grid
from .journal import Journal

DRAWS, EOT = 20, 8  # of a crossbar with read noise
PERCENTILE = 99.9  # of an ADC's inputs that is full scale; see docs/results/hardware.md


@takes_numbers
def advise(
    networks: Mapping[str, nn.Module],
    *,
    base: Crossbar,
    data: Pairs,
    calibration: Pairs,
    out: str | Path,
    tiles: Sequence[int] = (),
    r_on_ohm: Sequence[float] = (),
    adc_bits: Sequence[int] = (),
    within: float = 0.02,
    eps: float = 8 / 255,
    steps: int = 20,
    seeds: Sequence[int] = (0,),
    limit: int = 0,
    batch_size: int = 100,
    progress: AbstractProgress | None = None,
) -> Advice:
    """Try every crossbar of a grid with every network, and mark those worth building.

    `networks` by name, such as those of an eps_train grid; `base` with its tile, r_on and ADC
    replaced by each of `tiles` (square), `r_on_ohm` (the on/off ratio stays) and `adc_bits` (0:
    ideal; else as the base's ADC, or with a full scale of the 99.9th percentile on `calibration`,
    training images, where the base has none); an empty one leaves the base's. An option keeps
    accuracy if its CA is at least its own network's in software less `within`.

    Robust accuracy is the worst case image by image of four attacks of `steps` steps at `eps`: PGD
    with the margin loss and PGD with cross-entropy, white-box through the chip's gradient, and both
    crafted on software. Where draws of a stochastic chip disagree there is no answer an image, and
    the worse of the two accuracies is taken instead.

    Finished cells are in the JSON lines file `out` and are not computed again. Raises ValueError
    for an empty grid, a base whose device has no r_on to change, and settings the crossbar refuses.
    """
    require_instance("base", base, Crossbar)
    require_number("within", within, at_least=0.0, at_most=1.0)
    require_radius("eps", eps, above=0.0)
    require_integer("limit", limit, at_least=0)
    lists = {"tiles": tiles, "r_on_ohm": r_on_ohm, "adc_bits": adc_bits, "seeds": seeds}
    for setting, given in lists.items():
        if len(set(given)) < len(given):
            raise ValueError(
                f"`{setting}` holds a value twice, got {tuple(given)}; it would count as another "
                "chip"
            )
    if not seeds:
        raise ValueError("`seeds` is empty; pass one for each chip, such as (0,)")
    if not networks:
        raise ValueError("`networks` is empty; pass at least one, by name")
    split = as_split(data, limit=limit)
    crossbars = tuple(_crossbars(base, tiles, r_on_ohm, adc_bits))
    stochastic = base.stochastic
    attacks = tuple(
        PGD(
            eps=float(eps), steps=steps, loss=loss, eot=EOT if stochastic else 1,
            early_stop=not stochastic,
        )
        for loss in ("margin", "cross-entropy")
    )  # fmt: skip
    grid = Grid(
        crossbars, (WorstCase(attacks),), tuple(seeds), batch_size=batch_size,
        draws=DRAWS if stochastic else 1,
    )  # fmt: skip
    journal = Journal(Path(out))
    options: list[Option] = []
    cells = len(networks) * (1 + 2 * len(crossbars) * len(grid.seeds))
    with (progress or Silent()).task("advise", cells) as advance:
        for name, software in networks.items():
            shown = _SubTask(name, advance)
            records = run_grid(
                software, split, grid, journal, calibration=calibration, progress=shown
            )
            options += _options(name, software, records, grid, to_float(split.images[:1]))
    return Advice(
        compare_options(tuple(options), within), within, float(eps), attacks, split.name,
        split.fingerprint(), len(split),
    )  # fmt: skip


def _crossbars(
    base: Crossbar, tiles: Sequence[int], r_on_ohm: Sequence[float], adc_bits: Sequence[int]
) -> Iterator[Crossbar]:
    device = base.device
    for size in tiles or (0,):
        for r_on in r_on_ohm or (0.0,):
            for bits in adc_bits or (-1,):
                crossbar = replace(base, tile=(size, size)) if tiles else base
                if r_on_ohm:
                    require_number("r_on_ohm", r_on, above=0.0)
                    if not isinstance(device, Memristor):
                        kind = type(device).__name__
                        raise ValueError(f"`r_on_ohm` changes a Memristor, but `base` has {kind}")
                    r_off = device.r_off_ohm / device.r_on_ohm * r_on
                    other = replace(device, r_on_ohm=r_on, r_off_ohm=r_off)
                    crossbar = replace(crossbar, device=other)
                yield replace(crossbar, adc=_adc(base, bits)) if adc_bits else crossbar


def _adc(base: Crossbar, bits: int) -> IdealConverter | UniformConverter:
    require_integer("adc_bits", bits, at_least=0)
    if bits == 0:
        return IdealConverter()
    if isinstance(base.adc, UniformConverter):
        return replace(base.adc, bits=bits)
    return UniformConverter(bits, range=Calibrated(PERCENTILE))


def _options(
    name: str, software: nn.Module, records: list[Record], grid: Grid, image: torch.Tensor
) -> Iterator[Option]:
    alone = next(record for record in records if not record.victim.is_chip)
    reports: dict[tuple[int, int], ChipReport] = {}  # counts depend on the tile alone
    for crossbar in grid.crossbars:
        if crossbar.tile not in reports:
            chip = map_model(software, replace(crossbar, adc=IdealConverter()), grid.seeds[0])
            parameter = next(software.parameters())
            reports[crossbar.tile] = chip.report(image.to(parameter.device, parameter.dtype))
        report = reports[crossbar.tile]
        own = [record for record in records if record.victim.crossbar == crossbar]
        white, moved = ([r for r in own if r.setting == setting] for setting in ("HH", "SH"))
        bits = crossbar.adc.bits if isinstance(crossbar.adc, UniformConverter) else 0
        yield Option(
            network=name, crossbar=crossbar, tile=crossbar.tile,
            r_on_ohm=1 / crossbar.device.g_on_siemens, adc_bits=bits, chips=len(white),
            clean=_over_chips([r.clean for r in white]),
            robust=_over_chips([_worst(w, m) for w, m in zip(white, moved, strict=True)]),
            white_box=sum(r.adversarial_accuracy for r in white) / len(white),
            transfer=sum(r.adversarial_accuracy for r in moved) / len(moved),
            software_clean=alone.clean_accuracy, software_robust=alone.adversarial_accuracy,
            tiles=report.tiles, cells=report.cells,
            conversions=sum(row.usage.cell_reads / row.tile[0] for row in report.layers),
        )  # fmt: skip


def _worst(white: Record, moved: Record) -> Estimate:
    """Combine both attacks image by image; take the worse one where draws disagree on images."""
    if white.answers and moved.answers:
        return worst_case((white, moved))
    if white.draws == 1:
        raise ValueError(
            "`out` holds records of an earlier version, without answers image by image; choose "
            "another"
        )
    return min((white.adversarial, moved.adversarial), key=lambda estimate: estimate.value)


def _over_chips(found: list[Estimate]) -> Estimate:
    """Return one chip's share with its interval; of several the mean, lowest and highest."""
    if len(found) == 1:
        return found[0]
    values = [estimate.value for estimate in found]
    return Estimate(sum(values) / len(values), min(values), max(values))


class _SubTask(AbstractProgress):
    """One network's part of the whole: its steps are steps of the task around it."""

    def __init__(self, name: str, advance: Advance) -> None:
        self._name, self._advance = name, advance

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        yield lambda units, note: self._advance(units, f"{self._name} {note}")
