"""Clean accuracy of VGG8 (width 0.5) on CIFAR-10, one imperfection of a crossbar at a time.

Reproduces  nothing printed; a table for the choice of r_on, tile, cell bits and ADC bits
Command     wordline study studies/hardware.py --root DIR --out docs/results/hardware; then python
            studies/hardware.py prints the tables of docs/results/hardware
Time        about 30 minutes on two cores; then 20 to 60 on one core for each PUMA crossbar that the
            surrogate reads
Expect      the ideal crossbar as software; unit gain far below least-squares gain

quick: 500 or 2,000 images. paper: all of them, and five chips of every crossbar.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, stdev

import torch

import wordline as wl
from wordline.evaluation.read_noise import restart_noise
from wordline.evaluation.score import versions
from wordline.fingerprints import fingerprint
from wordline.models import correct
from wordline.records import wilson
from wordline.records.record import Estimate
from wordline.runs import (
    AbstractCell,
    CellResult,
    Images,
    Journal,
    Loader,
    PretrainedNetwork,
    Study,
)
from wordline.text import markdown_table
from wordline.values import Value

OUT = Path("docs/results/hardware/records.jsonl")
NETWORK = PretrainedNetwork("vgg8-half-cifar10")
CALIBRATION = Images("cifar10", "train")
SEEDS = range(5)
LEAST = wl.LeastSquaresGain()
IDEAL = wl.Crossbar.preset("ideal", gain=LEAST)
VARIATION = wl.GaussianVariation(0.2)


@dataclass(frozen=True)
class ChipAccuracy(Value):
    """The clean accuracy of one chip, its deviation over draws, its NF and its converters."""

    accuracy: Estimate
    over_draws: float
    nf: float
    saturated: float  # share of conversions
    gradient: tuple[str, ...]
    software: str  # fingerprint of the weights
    versions: dict[str, str] = field(hash=False)


@dataclass(frozen=True, kw_only=True)
class ChipAccuracyCell(AbstractCell):
    """The clean accuracy of one chip; `name` is the row of the `table`."""

    table: str
    name: str
    crossbar: wl.Crossbar
    images: Images
    seed: int = 0
    draws: int = 1

    @property
    def label(self) -> str:
        """Name and seed."""
        return f"{self.name} #{self.seed}"

    def run(self, loader: Loader) -> CellResult:
        """Map, calibrate on 200 training images, and count correct answers."""
        software, train = NETWORK.load(loader), CALIBRATION.load(loader)
        chip = wl.map_model(software, self.crossbar, self.seed)
        chip = wl.calibrate(chip, train, limit=200, batch_size=50)
        split, hits = self.images.load(loader), []
        for draw in range(self.draws):
            restart_noise(chip, "score", draw)
            right = correct(chip, split.images, split.labels, batch_size=self.batch_size)
            hits.append(right.double())
        layers = chip.layers.values()
        rates = torch.stack(hits).mean(1)
        rate, conversions = float(rates.mean()), sum(layer.tally.conversions for layer in layers)
        interval = wilson(round(rate * len(split)), len(split))
        found = ChipAccuracy(
            accuracy=replace(interval, value=rate),
            over_draws=float(rates.std()) if self.draws > 1 else 0.0, nf=chip.report().nf,
            saturated=sum(layer.tally.saturated for layer in layers) / max(1, conversions),
            gradient=tuple(sorted({layer.gradient for layer in layers})),
            software=fingerprint(software), versions=versions(),
        )  # fmt: skip
        return CellResult(self, found)


@dataclass(frozen=True)
class Case:
    """One row: a crossbar, over several chips and images."""

    table: str
    name: str
    crossbar: wl.Crossbar
    seeds: int = 1
    images: int = 2000
    draws: int = 1
    batch_size: int = 100

    def cells(self, paper: bool) -> Iterator[ChipAccuracyCell]:
        """Yield a cell for every chip."""
        for seed in SEEDS if paper else range(self.seeds):
            yield ChipAccuracyCell(
                table=self.table, name=self.name, crossbar=self.crossbar, seed=seed,
                images=Images("cifar10", limit=0 if paper else self.images), draws=self.draws,
                batch_size=self.batch_size,
            )  # fmt: skip


def presets() -> Iterator[Case]:
    """Yield published crossbars, with and without a gain."""
    for gain in (wl.UnitGain(), LEAST):
        yield Case("presets", "ideal", wl.Crossbar.preset("ideal", gain=gain))
        for size in (16, 32, 64):
            name = f"rethinking-{size}"
            yield Case("presets", name, wl.Crossbar.preset(name, gain=gain), len(SEEDS))
        yield Case("presets", "isaac-like", wl.Crossbar.preset("isaac-like", gain=gain), images=500)
        for name in ("puma-32x32-100k", "puma-64x64-100k", "puma-64x64-300k"):
            crossbar = wl.Crossbar.preset(name, gain=gain)
            ohmic = replace(crossbar, array=wl.ExactArray())
            ideal = replace(ohmic, wires=wl.Wires())
            for words, made in (
                (f"{name}, ideal arrays", ideal), (f"{name}, ohmic devices", ohmic),
                (name, crossbar),
            ):  # fmt: skip
                yield Case("presets", words, made, images=500, batch_size=25)


def parts() -> Iterator[Case]:
    """Yield imperfections, one at a time, on 64 x 64 tiles of 20k/200k devices and ideal wires."""
    many = len(SEEDS)
    for sigma in (0.05, 0.1, 0.2):
        for kind, variation in (
            ("Gaussian", wl.GaussianVariation(sigma)),
            ("log-normal", wl.LogNormalVariation(sigma)),
            ("state-dependent", wl.StateDependentVariation(sigma)),
        ):
            yield _alone(f"{kind} variation", f"sigma {sigma:g}", variation, seeds=many)
    for tolerance in (0.05, 0.02):
        verified = wl.WriteVerify(VARIATION, tolerance=tolerance, attempts=10)
        words = f"tolerance {tolerance:g}, 10 attempts"
        yield _alone("write-verify of sigma 0.2", words, verified, seeds=many)
    for share in (0.001, 0.01, 0.05):
        yield _alone("stuck on", f"{share:.1%}", wl.StuckDevices(on=share), seeds=many)
        yield _alone("stuck off", f"{share:.1%}", wl.StuckDevices(off=share), seeds=many)
        yield _alone("open", f"{share:.1%}", wl.StuckDevices(open=share), seeds=many)
    for days in (1, 365):
        drift = wl.RetentionDrift(time_s=86400.0 * days, t0_s=1.0, nu_mean=0.05, nu_sigma=0.02)
        drifted = replace(_with(drift), gain=wl.LeastSquaresGain(at_reading=True))
        name = f"drift, nu 0.05 +- 0.02 | {days} days, gain fitted after it"
        yield Case("parts", name, drifted, many)
    for sigma in (0.02, 0.1):
        noise = wl.ReadNoise(sigma)
        yield Case("parts", f"read noise | sigma {sigma:g}, 20 draws", _with(noise), draws=20)
    for levels in (4, 16, 64):
        device = wl.Memristor(20e3, 200e3, levels=levels)
        yield Case("parts", f"device levels | {levels}", replace(IDEAL, device=device))
    for ratio in (2, 10, 100):
        varied = _with(wl.GaussianVariation(0.1), device=wl.Memristor(20e3, ratio * 20e3))
        yield Case("parts", f"on/off ratio, sigma 0.1 | {ratio}", varied, many)


def periphery() -> Iterator[Case]:
    """Yield wires, encodings, converters and slices, one at a time."""
    drivers = {
        "driver 1 kohm": wl.Wires(driver_ohm=1e3),
        "sense 1 kohm": wl.Wires(sense_ohm=1e3),
        "row 5 ohm": wl.Wires(row_ohm=5.0),
        "column 10 ohm": wl.Wires(col_ohm=10.0),
    }
    for name, wires in drivers.items():
        for gain in (wl.UnitGain(), LEAST):
            kind = "least-squares" if gain == LEAST else "unit"
            yield Case("periphery", f"{name} | {kind} gain", replace(IDEAL, wires=wires, gain=gain))
    rethinking = wl.Crossbar.preset("rethinking-64", gain=LEAST)
    for encoding in (wl.DifferentialPair(), wl.DifferentialPair(two_sided=True), wl.OffsetColumn()):
        two_sided = encoding == wl.DifferentialPair(two_sided=True)
        name = "two-sided pair" if two_sided else type(encoding).__name__
        encoded = replace(rethinking, encoding=encoding)
        yield Case("periphery", f"encoding on rethinking-64 | {name}", encoded, len(SEEDS))
    for bits in (8, 6, 4, 2):
        dac = wl.UniformConverter(bits)
        yield Case("periphery", f"DAC, calibrated | {bits} bits", replace(IDEAL, dac=dac))
    for bits in (8, 6, 5, 4):
        for span in (wl.Calibrated(), wl.Calibrated(99.9), wl.FullScale()):
            adc = wl.UniformConverter(bits, range=span)
            calibrated = isinstance(span, wl.Calibrated)
            words = f"calibrated {span.percent:g} %" if calibrated else "full scale"
            yield Case("periphery", f"ADC, {words} | {bits} bits", replace(IDEAL, adc=adc))
    for cells, streams, bits in ((4, 4, 14), (4, 4, 10), (2, 1, 8), (1, 1, 6)):
        sliced = replace(
            IDEAL,
            slicing=wl.BitSlicing(8, cells, 8, streams),
            adc=wl.UniformConverter(
                bits, range=wl.FullScale(), signed=False, less_off_current=True
            ),
        )
        name = f"8-bit weights and inputs, {bits}-bit ADC | {cells}-bit cells, {streams}-bit "
        name += "streams"
        yield Case("periphery", name, sliced, images=500)


def _with(
    *nonidealities: wl.AbstractNonideality, device: wl.AbstractDevice = IDEAL.device
) -> wl.Crossbar:
    return replace(IDEAL, device=device, nonidealities=nonidealities)


def _alone(kind: str, name: str, nonideality: wl.AbstractNonideality, *, seeds: int) -> Case:
    return Case("parts", f"{kind} | {name}", _with(nonideality), seeds)


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Return the chips of all tables."""
    cases = (case for make in (presets, parts, periphery) for case in make())
    return tuple(cell for case in cases for cell in case.cells(scale == "paper"))


def tables(rows: Iterable[CellResult]) -> list[str]:
    """Return Markdown: one table a group, mean and deviation over chips."""
    groups: dict[tuple[str, str, str], list[CellResult]] = defaultdict(list)
    for row in rows:
        gain = type(row.cell.crossbar.gain).__name__.removesuffix("Gain")
        groups[row.cell.table, row.cell.name, gain].append(row)
    columns = "what", "gain", "CA %", "chips", "images", "NF", "ADC saturated", "gradient"
    lines: list[str] = []
    for table in ("presets", "parts", "periphery"):
        entries = []
        for (_, name, gain), chips in (item for item in groups.items() if item[0][0] == table):
            cell, found = chips[0].cell, [chip.result for chip in chips]
            saturated = f"{mean(one.saturated for one in found):.1e}"
            if isinstance(cell.crossbar.adc, wl.IdealConverter):
                saturated = ""
            entries.append((
                name.replace(" | ", ": "), gain, _spread(found, cell.draws), len(found),
                cell.images.count, f"{mean(one.nf for one in found):.3f}", saturated,
                ", ".join(found[0].gradient),
            ))  # fmt: skip
        lines += ["", f"### {table}", "", *markdown_table(columns, entries)]
    return lines


def _spread(chips: list[ChipAccuracy], draws: int) -> str:
    """Write mean and deviation over chips, or over draws of one; else a 95 % interval."""
    rates, first = [100 * chip.accuracy.value for chip in chips], chips[0]
    if len(rates) > 1:
        return f"{mean(rates):.1f} ± {stdev(rates):.1f}"
    if draws > 1:
        return f"{rates[0]:.1f} ± {100 * first.over_draws:.1f} over {draws} draws"
    return str(first.accuracy)


STUDY = Study(
    title="Clean accuracy of VGG8 on CIFAR-10, one imperfection at a time",
    reproduces="nothing printed",
    cells=cells,
    expected="the ideal crossbar as software; unit gain far below least-squares gain",
)

if __name__ == "__main__":
    print("\n".join(tables(Journal(OUT, CellResult).results.values())))
