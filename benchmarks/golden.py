"""Golden numbers: computed with two versions, compared bit for bit.

    python benchmarks/golden.py --out before.json        # with the old version on PYTHONPATH
    python benchmarks/golden.py --out after.json         # with the new one
    python benchmarks/golden.py --compare before.json after.json

Only names of the public contract are used, so that any version can run it. A line is the SHA-256 of
the bytes of an answer: the solver and its gradient, nonlinear circuits, chips by seed with their
answers and gradients, attacks by seed, records, the audit, noise stability, QUANOS and one epoch of
training. Processor, thread count and torch's version are conditions of the bits and stand in the
file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

import wordline as wl

Line = tuple[str, str]


def digest(*tensors: Tensor) -> str:
    """The first sixteen hex digits over dtype, shape and bytes of some tensors."""
    sha = hashlib.sha256()
    for tensor in tensors:
        plain = tensor.detach().contiguous().view(-1)
        sha.update(f"{plain.dtype}{tuple(tensor.shape)}".encode())
        sha.update(plain.view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()[:16]


def said(value: object) -> str:
    """The digest of the numbers of a record, whatever its fields are called."""
    flat: list[object] = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            for inner in node.values():
                walk(inner)
        elif isinstance(node, list):
            for inner in node:
                walk(inner)
        elif isinstance(node, int | float) and not isinstance(node, bool):
            flat.append(node)

    walk(json.loads(value.to_json()))  # type: ignore[attr-defined]
    return hashlib.sha256(repr(sorted(flat, key=repr)).encode()).hexdigest()[:16]


WIRES = {
    "all": wl.Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3),
    "rows": wl.Wires(driver_ohm=0, row_ohm=5, col_ohm=0, sense_ohm=0),
    "columns": wl.Wires(driver_ohm=0, row_ohm=0, col_ohm=3, sense_ohm=50),
}


def seeded(seed: int) -> torch.Generator:
    """A generator of its own for each line."""
    return torch.Generator().manual_seed(seed)


def solver() -> Iterator[Line]:
    """Effective conductances and their gradients, over sizes, dtypes and wires.

    Currents of nonlinear circuits.
    """
    for rows, cols in ((1, 1), (2, 3), (8, 8), (16, 16), (33, 17), (64, 64), (128, 128)):
        for dtype in (torch.float64, torch.float32):
            for name, wires in WIRES.items():
                draw = torch.rand(5, rows, cols, generator=seeded(rows * cols), dtype=torch.float64)
                g = (1e-6 + 5e-5 * draw).to(dtype).requires_grad_()
                effective = wl.effective_conductance(g, wires)
                (slope,) = torch.autograd.grad(effective.square().sum(), g)
                yield f"solver {rows}x{cols} {dtype} {name}", digest(effective, slope)
    for law in (wl.SinhDevice(b=2.0), wl.Ohmic()):
        g = 5e-6 + 5e-5 * torch.rand(2, 16, 12, generator=seeded(3), dtype=torch.float64)
        v = torch.rand(2, 4, 16, generator=seeded(4), dtype=torch.float64).requires_grad_()
        i = wl.solve_nonlinear(v, g, WIRES["all"], law)
        (slope,) = torch.autograd.grad(i.square().sum(), v)
        yield f"nonlinear {type(law).__name__}", digest(i, slope)
    g = 5e-6 + 5e-5 * torch.rand(3, 2, generator=seeded(3), dtype=torch.float64)
    yield (
        "netlist",
        hashlib.sha256(wl.netlist(g, WIRES["all"], torch.ones(3).double()).encode()).hexdigest()[
            :16
        ],
    )


def crossbars() -> Iterator[tuple[str, wl.Crossbar]]:
    """Crossbars of every kind of read.

    Matrices, converters, slices, offsets, noise, drift, faults, surrogates.
    """
    device = wl.Memristor(r_on_ohm=20e3, r_off_ohm=200e3, levels=16)
    adc = wl.UniformConverter(bits=8, range=wl.Calibrated())
    dac = wl.UniformConverter(bits=6, range=wl.SampleMax())
    sliced = wl.BitSlicing(weight_bits=8, cell_bits=4, input_bits=8, stream_bits=4)
    for name in ("ideal", "rethinking-16", "rethinking-64"):
        for gain in (wl.UnitGain(), wl.LeastSquaresGain(), wl.PerColumnGain()):
            yield f"{name} {type(gain).__name__}", wl.Crossbar.preset(name, gain=gain)
    for name in ("puma-32x32-100k", "puma-64x64-300k", "isaac-like"):
        yield name, wl.Crossbar.preset(name, gain=wl.UnitGain())
    base = {
        "tile": (32, 24),
        "device": device,
        "wires": WIRES["all"],
        "gain": wl.LeastSquaresGain(),
    }
    yield "adc", wl.Crossbar(**base, adc=adc)
    yield "dac and adc", wl.Crossbar(**base, dac=dac, adc=adc)
    yield (
        "sliced",
        wl.Crossbar(**base, slicing=sliced, adc=wl.UniformConverter(bits=7, range=wl.FullScale())),
    )
    yield "offset column", wl.Crossbar(**base, encoding=wl.OffsetColumn(), adc=adc)
    yield "block diagonal", wl.Crossbar(**base, packing=wl.BlockDiagonal())
    for part in (
        wl.GaussianVariation(sigma=0.1),
        wl.LogNormalVariation(sigma=0.1),
        wl.StuckDevices(on=0.02, off=0.05),
        wl.ReadNoise(sigma=0.03),
        wl.RetentionDrift(time_s=1e4, t0_s=1.0, nu_mean=0.05, nu_sigma=0.01),
    ):
        yield type(part).__name__, wl.Crossbar(**base, nonidealities=(part,))
    yield "nonlinear", wl.Crossbar(**base, array=wl.NonlinearArray(wl.SinhDevice(b=2.0)))
    yield "ideal backward", wl.Crossbar(**base, array=wl.IdealBackward(wl.ExactArray()))


def chips() -> Iterator[Line]:
    """State, answers and gradients of a chip of every kind, then a trainable one."""
    data, software = wl.load_dataset("digits"), wl.load_model("digits-cnn")
    images, labels = data.test.images[:12], data.test.labels[:12]
    for name, crossbar in crossbars():
        few = 3 if "nonlinear" in name else 12
        chip = wl.map_model(software, crossbar, seed=7)
        wl.calibrate(chip, data.train, limit=24)
        state = chip.state_dict()
        conductances = [state[key] for key in state if state[key].is_floating_point()]
        x = images[:few].clone().requires_grad_()
        logits = chip(x)
        (slope,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, labels[:few]), x)
        yield f"chip {name}: state", digest(*conductances)
        yield f"chip {name}: logits", digest(logits)
        yield f"chip {name}: gradient", digest(slope)
    crossbar = wl.Crossbar.preset("rethinking-16", gain=wl.UnitGain())
    chip = wl.map_model(software, crossbar, seed=1, trainable=True)
    loss = torch.nn.functional.cross_entropy(chip(images), labels)
    yield (
        "chip trainable",
        digest(loss, *torch.autograd.grad(loss, [p for p in chip.parameters() if p.requires_grad])),
    )
    many = wl.map_chips(software, crossbar, seeds=(0, 1, 2))
    yield "ensemble", digest(many(images))


def attacks() -> Iterator[Line]:
    """Adversarial images by seed, on software and on a chip."""
    data, software = wl.load_dataset("digits"), wl.load_model("digits-cnn")
    images, labels = data.test.images[:16], data.test.labels[:16]
    crossbar = wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain())
    chip = wl.map_model(software, crossbar, seed=3)
    pgd = wl.PGD(eps=0.1, steps=5, step_size=0.03, loss="margin")
    for name, attack in {
        "fgsm": wl.FGSM(eps=0.1, loss="cross-entropy"),
        "pgd": pgd,
        "pgd l2": wl.PGD(eps=1.0, steps=5, step_size=0.3, norm="l2", restarts=2),
        "pgd last": wl.PGD(eps=0.1, steps=5, step_size=0.03, loss="dlr", keep="last"),
        "mifgsm": wl.MIFGSM(eps=0.1, steps=5),
        "apgd": wl.APGD(eps=0.1, steps=10),
        "fab": wl.FAB(eps=0.1, steps=5),
        "square": wl.Square(eps=0.1, queries=50),
        "autoattack": wl.AutoAttack(eps=0.1),
        "random": wl.RandomSearch(eps=0.1),
        "targeted": wl.Targeted(pgd),
        "multi-targeted": wl.MultiTargeted(pgd),
        "worst case": wl.WorstCase((wl.FGSM(eps=0.1), pgd)),
    }.items():
        for model_name, model in {"software": software, "chip": chip}.items():
            if name == "autoattack" and model is chip:
                continue
            yield (
                f"attack {name} {model_name}",
                digest(attack(model, images, labels, generator=seeded(5))),
            )
    yield (
        "attack hop",
        digest(wl.HopSkipJump(eps=0.2)(software, images[:2], labels[:2], generator=seeded(5))),
    )


def results() -> Iterator[Line]:
    """Records and other results, by their numbers alone."""
    data, software = wl.load_dataset("digits"), wl.load_model("digits-cnn")
    attack = wl.PGD(eps=0.1, steps=5, step_size=0.03, loss="margin")
    for name in ("rethinking-16", "rethinking-64"):
        chip = wl.map_model(software, wl.Crossbar.preset(name, gain=wl.LeastSquaresGain()), seed=2)
        for source_name, source in {"SH": software, "HH": chip}.items():
            record = wl.evaluate(
                victim=chip, source=source, attack=attack, data=data.test, limit=90, seed=4
            )
            figures = (record.clean_accuracy, record.adversarial_accuracy, record.adversarial_loss)
            yield f"record {name} {source_name}", repr(figures)
    noisy = wl.Crossbar(
        tile=(32, 32),
        device=wl.Memristor(r_on_ohm=20e3, r_off_ohm=200e3),
        wires=WIRES["all"],
        nonidealities=(wl.ReadNoise(sigma=0.05),),
        gain=wl.LeastSquaresGain(),
    )
    noisy_chip = wl.map_model(software, noisy, seed=2)
    record = wl.evaluate(
        victim=noisy_chip,
        source=noisy_chip,
        attack=attack,
        data=data.test,
        limit=60,
        seed=4,
        draws=3,
    )
    yield "record noisy", repr((record.clean_accuracy, record.adversarial_accuracy))
    verdict = wl.audit(chip=chip, software=software, data=data.test, eps=0.1, limit=24, seed=1)
    for check in verdict.checks:
        yield f"audit {check.id}", f"{check.status} {sorted(dict(check.figures).items())!r}"
    yield "audit verdict", str(verdict.verdict)
    stability = wl.noise_stability(chip=chip, software=software, data=data.test, limit=32)
    yield "noise stability", said(stability)
    deviation = wl.gradient_deviation(
        chip=chip, software=software, data=data.test, eps=0.1, limit=32
    )
    yield "gradient deviation", said(deviation)
    twin = wl.matched_noise(chip=chip, software=software, data=data.test, seed=1)
    yield "matched noise", digest(twin(data.test.images[:8]))
    yield "discretise", digest(wl.discretise(data.test.images[:8], bits=3))
    network = wl.load_model("digits-cnn")
    yield "quantise", digest(wl.quantise(network, bits=4)(data.test.images[:8]))


def training() -> Iterator[Line]:
    """Weights after two epochs by the command line, plain and adversarial."""
    for name, more in {
        "plain": (),
        "pgd": ("--defense", "pgd", "--eps", "0.1", "--attack-steps", "2"),
    }.items():
        with tempfile.TemporaryDirectory() as folder:
            line = [
                sys.executable,
                "-m",
                "wordline",
                "train",
                "digits-cnn",
                "--data",
                "digits",
                "--epochs",
                "2",
            ]
            line += ["--out", folder, "--name", "net", "--seed", "3", *more]
            subprocess.run(line, check=True, capture_output=True)
            from safetensors.torch import load_file

            weights = load_file(str(Path(folder) / "net.safetensors"))
            yield f"training {name}", digest(*(weights[key] for key in sorted(weights)))


PARTS = {part.__name__: part for part in (solver, chips, attacks, results, training)}


def main() -> None:
    """Dump, or compare two dumps."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("golden.json"))
    parser.add_argument("--only", nargs="*", choices=sorted(PARTS), default=list(PARTS))
    parser.add_argument("--compare", nargs=2, type=Path)
    asked = parser.parse_args()
    if asked.compare:
        before, after = (json.loads(path.read_text())["lines"] for path in asked.compare)
        both = [name for name in before if name in after]
        moved = [name for name in both if before[name] != after[name]]
        for name in moved:
            print(f"{name}\n  before {before[name]}\n  after  {after[name]}")
        print(
            f"{len(both) - len(moved)} of {len(both)} equal; "
            f"{len(before) + len(after) - 2 * len(both)} in one alone"
        )
        sys.exit(bool(moved))
    torch.set_num_threads(2)
    lines: dict[str, str] = {}
    for name in asked.only:
        for key, value in PARTS[name]():
            lines[key] = value
            print(key, value[:60], flush=True)
    conditions = {
        "torch": torch.__version__,
        "machine": platform.processor(),
        "threads": 2,
        "cpus": os.cpu_count(),
    }
    asked.out.write_text(json.dumps({"conditions": conditions, "lines": lines}, indent=1))


if __name__ == "__main__":
    main()
