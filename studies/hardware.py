"""What each part of a crossbar costs: clean accuracy of VGG8 (width 0.5) on CIFAR-10, one imperfection at a time.

Reproduces  nothing printed; the table that an engineer wants before choosing r_on, tile, cell bits and ADC bits
Command     python studies/hardware.py --root DIR --out docs/results/hardware.jsonl
Minutes     about 30 on two cores; then 20 to 60 on one core for each PUMA crossbar that the surrogate reads
Expect      the ideal crossbar as software; unit gain far below least-squares gain

Every line of the output file is one chip: its crossbar, its seed, its conditions and its accuracy. Lines that are there
already are not computed again. Without --root the file only prints the tables of what is there.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

import torch
import tyro

import wordline as wl
from wordline.datasets import ImageData
from wordline.evaluation.read_noise import restart_noise
from wordline.evaluation.score import correct, versions
from wordline.fingerprints import fingerprint
from wordline.progress import Bar
from wordline.records import wilson

MODEL = "vgg8-half-cifar10"
OUT = Path("docs/results/hardware.jsonl")
SEEDS = range(5)
LEAST = wl.LeastSquaresGain()
IDEAL = wl.Crossbar.preset("ideal", gain=LEAST)
VARIATION = wl.GaussianVariation(0.2)


@dataclass(frozen=True)
class Case:
    """One row: a crossbar, over how many chips and images."""

    table: str
    name: str
    crossbar: wl.Crossbar
    seeds: int = 1
    images: int = 2000
    draws: int = 1


def presets() -> Iterator[Case]:
    """Published crossbars, with and without a gain."""
    for gain in (wl.UnitGain(), LEAST):
        yield Case("presets", "ideal", wl.Crossbar.preset("ideal", gain=gain))
        for size in (16, 32, 64):
            yield Case("presets", f"rethinking-{size}", wl.Crossbar.preset(f"rethinking-{size}", gain=gain), len(SEEDS))
        yield Case("presets", "isaac-like", wl.Crossbar.preset("isaac-like", gain=gain), images=500)
        for name in ("puma-32x32-100k", "puma-64x64-100k", "puma-64x64-300k"):
            crossbar = wl.Crossbar.preset(name, gain=gain)
            ohmic = replace(crossbar, array=wl.ExactArray())
            yield Case("presets", f"{name}, ideal arrays", replace(ohmic, wires=wl.Wires()), images=500)
            yield Case("presets", f"{name}, ohmic devices", ohmic, images=500)
            yield Case("presets", name, crossbar, images=500)


def parts() -> Iterator[Case]:
    """One imperfection at a time, on 64 x 64 tiles of 20k/200k devices with ideal wires."""
    many = len(SEEDS)
    for sigma in (0.05, 0.1, 0.2):
        yield _alone("Gaussian variation", f"sigma {sigma:g}", wl.GaussianVariation(sigma), seeds=many)
        yield _alone("log-normal variation", f"sigma {sigma:g}", wl.LogNormalVariation(sigma), seeds=many)
        yield _alone("state-dependent variation", f"sigma {sigma:g}", wl.StateDependentVariation(sigma), seeds=many)
    for tolerance in (0.05, 0.02):
        verified = wl.WriteVerify(VARIATION, tolerance=tolerance, attempts=10)
        yield _alone("write-verify of sigma 0.2", f"tolerance {tolerance:g}, 10 attempts", verified, seeds=many)
    for share in (0.001, 0.01, 0.05):
        yield _alone("stuck on", f"{share:.1%}", wl.StuckDevices(on=share), seeds=many)
        yield _alone("stuck off", f"{share:.1%}", wl.StuckDevices(off=share), seeds=many)
        yield _alone("open", f"{share:.1%}", wl.StuckDevices(open=share), seeds=many)
    for days in (1, 365):
        drift = wl.RetentionDrift(time_s=86400.0 * days, t0_s=1.0, nu_mean=0.05, nu_sigma=0.02)
        drifted = replace(_with(drift), gain=wl.LeastSquaresGain(at_reading=True))
        yield Case("parts", f"drift, nu 0.05 +- 0.02 | {days} days, gain fitted after it", drifted, many)
    for sigma in (0.02, 0.1):
        noise = wl.ReadNoise(sigma)
        yield Case("parts", f"read noise | sigma {sigma:g}, 20 draws", _with(noise), draws=20)
    for levels in (4, 16, 64):
        device = wl.Memristor(20e3, 200e3, levels=levels)
        yield Case("parts", f"device levels | {levels}", replace(IDEAL, device=device))
    for ratio in (2, 10, 100):
        device = wl.Memristor(20e3, ratio * 20e3)
        yield Case("parts", f"on/off ratio, sigma 0.1 | {ratio}", _with(wl.GaussianVariation(0.1), device=device), many)


def periphery() -> Iterator[Case]:
    """Wires, encodings, converters and slices, one at a time."""
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
        name = "two-sided pair" if encoding == wl.DifferentialPair(two_sided=True) else type(encoding).__name__
        encoded = replace(rethinking, encoding=encoding)
        yield Case("periphery", f"encoding on rethinking-64 | {name}", encoded, len(SEEDS))
    for bits in (8, 6, 4, 2):
        yield Case("periphery", f"DAC, calibrated | {bits} bits", replace(IDEAL, dac=wl.UniformConverter(bits)))
    for bits in (8, 6, 5, 4):
        for span in (wl.Calibrated(), wl.Calibrated(99.9), wl.FullScale()):
            adc = wl.UniformConverter(bits, range=span)
            words = f"calibrated {span.percent:g} %" if isinstance(span, wl.Calibrated) else "full scale"
            yield Case("periphery", f"ADC, {words} | {bits} bits", replace(IDEAL, adc=adc))
    for cells, streams, bits in ((4, 4, 14), (4, 4, 10), (2, 1, 8), (1, 1, 6)):
        sliced = replace(
            IDEAL,
            slicing=wl.BitSlicing(8, cells, 8, streams),
            adc=wl.UniformConverter(bits, range=wl.FullScale(), signed=False, less_off_current=True),
        )
        name = f"8-bit weights and inputs, {bits}-bit ADC | {cells}-bit cells, {streams}-bit streams"
        yield Case("periphery", name, sliced, images=500)


def _with(*nonidealities: wl.AbstractNonideality, device: wl.AbstractDevice = IDEAL.device) -> wl.Crossbar:
    return replace(IDEAL, device=device, nonidealities=nonidealities)


def _alone(kind: str, name: str, nonideality: wl.AbstractNonideality, *, seeds: int) -> Case:
    return Case("parts", f"{kind} | {name}", _with(nonideality), seeds)


def run(case: Case, seed: int, software: torch.nn.Module, data: ImageData, batch_size: int) -> dict[str, object]:
    """Map, calibrate, and count correct answers."""
    begun = time.perf_counter()
    chip = wl.calibrate(wl.map_model(software, case.crossbar, seed), data.train, limit=200, batch_size=50)
    split = data.test.take(case.images)
    hits = []
    for draw in range(case.draws):
        restart_noise(chip, "score", draw)
        hits.append(correct(chip, split.images, split.labels, batch_size=batch_size).double())
    layers = chip.layers.values()
    rates = torch.stack(hits).mean(1)
    saturated, conversions = (sum(getattr(layer.tally, n) for layer in layers) for n in ("saturated", "conversions"))
    estimate = wilson(round(float(rates.mean()) * len(split)), len(split))
    report = chip.report()
    return {
        "table": case.table, "name": case.name, "crossbar": json.loads(case.crossbar.to_json()), "seed": seed,
        "images": len(split), "draws": case.draws, "accuracy": float(rates.mean()),
        "interval": [estimate.low, estimate.high],
        "over_draws": float(rates.std()) if case.draws > 1 else 0.0, "nf": report.nf,
        "saturated": saturated / max(1, conversions),
        "gradient": sorted({layer.gradient for layer in layers}), "software": fingerprint(software),
        "data": f"{split.name} {split.fingerprint()}", "batch_size": batch_size, "threads": torch.get_num_threads(),
        "calibration": "200 training images, batches of 50", "seconds": time.perf_counter() - begun,
        "versions": versions(),
    }  # fmt: skip


def main(root: str = "", out: Path = OUT, only: str = "", batch_size: int = 100) -> None:
    """Compute what is missing in `out`, then print the tables.

    Args:
        root: folder of CIFAR-10; without it nothing is computed.
        only: compute rows whose table or name holds this text.
        batch_size: images at a time, part of the conditions of read noise and of float rounding.
    """
    done = [json.loads(line) for line in out.read_text().splitlines()] if out.is_file() else []
    there = {(row["table"], row["name"], json.dumps(row["crossbar"]), row["seed"]) for row in done}
    cases = [case for make in (presets, parts, periphery) for case in make() if only in f"{case.table} {case.name}"]
    wanted = [(case, seed) for case in cases for seed in range(case.seeds)]
    missing = [(case, s) for case, s in wanted if (case.table, case.name, case.crossbar.to_json(), s) not in there]
    if root and missing:
        software, data = wl.load_model(MODEL), wl.load_dataset("cifar10", root)
        with Bar().task("hardware", len(missing)) as advance:
            for case, seed in missing:
                row = run(case, seed, software, data, batch_size)
                with out.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                done.append(row)
                advance(1, f"{case.name}: {row['accuracy']:.1%}")
    print("\n".join(tables(done)))


def tables(rows: list[dict]) -> list[str]:  # type: ignore[type-arg]
    """Markdown, one table a group, mean and deviation over chips."""
    groups: dict[tuple[str, str, str], list[dict]] = defaultdict(list)  # type: ignore[type-arg]
    for row in rows:
        groups[row["table"], row["name"], row["crossbar"]["gain"]["type"]].append(row)
    lines: list[str] = []
    for table in ("presets", "parts", "periphery"):
        lines += ["", f"### {table}", "", "| what | gain | CA % | chips | images | NF | ADC saturated | gradient |"]
        lines += ["|---|---|---|---|---|---|---|---|"]
        for (group, name, gain), chips in groups.items():
            if group != table:
                continue
            first, nf = chips[0], mean(chip["nf"] for chip in chips)
            ideal = first["crossbar"]["adc"]["type"] == "IdealConverter"
            saturated = "" if ideal else f"{mean(chip['saturated'] for chip in chips):.1e}"
            lines.append(
                f"| {name.replace(' | ', ': ')} | {gain.removesuffix('Gain')} | {_spread(chips)} | {len(chips)} | "
                f"{first['images']} | {nf:.3f} | {saturated} | {', '.join(first['gradient'])} |"
            )
    return lines


def _spread(chips: list[dict]) -> str:  # type: ignore[type-arg]
    """Mean and deviation over chips, or over draws of one; else one chip with its 95 % interval."""
    rates, first = [100 * chip["accuracy"] for chip in chips], chips[0]
    if len(rates) > 1:
        return f"{mean(rates):.1f} ± {stdev(rates):.1f}"
    if first["draws"] > 1:
        return f"{rates[0]:.1f} ± {100 * first['over_draws']:.1f} over {first['draws']} draws"
    return "{:.1f} [{:.1f}, {:.1f}]".format(rates[0], *(100 * end for end in first["interval"]))


if __name__ == "__main__":
    tyro.cli(main)
