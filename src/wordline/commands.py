"""What stands behind the command line: arguments in, one line of Python each, text out."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro
from torch import nn
from tyro.constructors import PrimitiveConstructorSpec

from . import zoo
from .arrays import fit_surrogate
from .attacks import AbstractAttack
from .attacks.by_name import Wish, attack_by_name
from .circuits import SinhDevice, netlist
from .mapping import Crossbar, LeastSquaresGain, PerColumnGain, UnitGain, land, read_noise
from .mapping.explain import explain
from .nn import calibrate as calibrate_ranges
from .nn import map_model
from .progress import Bar, LateBar
from .records import table
from .reports import accuracy_curves
from .studies import Grid, Journal, run_grid, selfcheck
from .studies import quickstart as run_quickstart
from .studies.quickstart import EPS
from .studies.selfcheck import render_checks
from .values import require_choice, require_integer, require_number

GAINS = {"unit": UnitGain(), "least-squares": LeastSquaresGain(), "per-column": PerColumnGain()}
STEP = 2 / 255


def parse_number(text: str) -> float:
    """A number or a fraction of numbers: "0.1", "8/255"."""
    above, slash, below = text.partition("/")
    try:
        return float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"`{text}` is no number; write 0.03 or 8/255") from error


Number = Annotated[
    float,
    PrimitiveConstructorSpec(
        nargs=1, metavar="NUMBER", instance_from_str=lambda args: parse_number(args[0]),
        is_instance=lambda value: isinstance(value, float), str_from_instance=lambda value: [f"{value:g}"],
    ),
]  # fmt: skip


def quickstart(out: Path = Path("runs/quickstart"), limit: int = 500, json: bool = False) -> None:
    """The whole job on the embedded digits: three tile sizes, two gains, FGSM and PGD; a table and a figure."""
    records = run_quickstart(out, limit=limit, progress=Bar())
    figure = accuracy_curves(records, out / "accuracy.png", title="digits-cnn on rethinking crossbars, one chip each")
    shown = records if json else [r for r in records if r.attack.eps == 0.1]  # type: ignore[attr-defined]
    title = f"digits, {records[0].images} test images, one chip (seed 0) each; 95 % intervals; epsilon 0.1 of {EPS}"
    _print_records(shown, json, title=title)
    if not json:
        print(f"\nall {len(records)} records: {out / 'records.jsonl'}\nfigure: {figure}")


def train(
    architecture: tyro.conf.Positional[str],
    data: str,
    root: str = "",
    out: Path = Path("runs/models"),
    recipe: str = "",
    epochs: int = 0,
    batch_size: int = 0,
    lr: float = 0.0,
    precision: str = "",
    half: bool = False,
    seed: int = 0,
) -> None:
    """Train a network; leaves NAME.safetensors and NAME.json, and resumes where it was interrupted.

    Args:
        architecture: one of the names in wordline.zoo.ARCHITECTURES, such as vgg8, vgg8-half, resnet10, digits-cnn.
        data: digits, cifar10, cifar100 or tiny-imagenet.
        root: local folder of parquet files or images; without it the data come from the hub.
        recipe: fast (one cycle of ten epochs), papers (arXiv 2109.09060, 200 epochs) or digits; by default what suits.
        epochs: other than the recipe's; its milestones move along.
        batch_size: other than the recipe's.
        lr: peak or initial learning rate other than the recipe's.
        precision: auto, fp32 or bf16, other than the recipe's.
        half: store the weights as float16.
    """
    chosen = zoo.Recipe.preset(recipe or ("digits" if data == "digits" else "fast"))
    changes: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "precision": precision}
    chosen = dataclasses.replace(
        chosen,
        schedule=chosen.schedule.rescaled(lr, (epochs or chosen.epochs) / chosen.epochs),
        **{name: value for name, value in changes.items() if value},
    )
    images = zoo.load_dataset(data, root)
    card = zoo.train(architecture, images, chosen, out, seed=seed, half=half, command=_said(), progress=Bar())
    print(card.to_json())


def show(crossbar: tyro.conf.Positional[str], gain: str = "", spice: bool = False, seed: int = 0) -> None:
    """Explain a crossbar in words and units, with its NF; or print one array of it as a netlist.

    Args:
        crossbar: a preset such as rethinking-64, or a JSON file of a Crossbar.
        spice: print the netlist of one array with conductances drawn uniformly from the window, for ngspice.
        seed: of those conductances.
    """
    chosen = _crossbar(crossbar, gain)
    if not spice:
        print(explain(chosen, name=crossbar))
        return
    generator = torch.Generator().manual_seed(seed)
    wanted = chosen.device.conductance(torch.rand(chosen.tile, generator=generator, dtype=torch.float64))
    g = read_noise(land(wanted, chosen, generator=generator), chosen, generator=generator)
    volts = chosen.read_volt * torch.rand(chosen.tile[0], generator=generator, dtype=torch.float64)
    print(netlist(g, chosen.wires, volts, chosen.array.device_law))


def map_(
    model: str = "digits-cnn", crossbar: str = "rethinking-64", gain: str = "", weights: str = "", seed: int = 0,
    strict: bool = False, only: tuple[str, ...] = (), exclude: tuple[str, ...] = (), data: str = "", root: str = "",
    calibrate: int = 0, export: str = "", json: bool = False,
) -> None:  # fmt: skip
    """Map a network onto a crossbar and print the chip's report; with data, what one inference takes.

    Args:
        only: patterns on layer names, such as "features*"; nothing else is mapped.
        exclude: patterns on layer names that stay digital.
        data: a data set whose first test image is passed through the chip to count conversions and cell reads.
        root: local folder of that data set.
        calibrate: measure converter ranges on so many training images of the data first.
        export: write the programmed conductances to this .npz or .csv file.
    """
    require_integer("calibrate", calibrate, at_least=0)
    if calibrate and not data:
        raise ValueError("`calibrate` needs images; name a data set with --data")
    software, there = _model(model, weights), _crossbar(crossbar, gain)
    images = zoo.load_dataset(data, root) if data else None
    chip = map_model(software, there, seed, only=only, exclude=exclude, strict=strict, progress=LateBar(3.0))
    if images and calibrate:
        calibrate_ranges(chip, images.train, limit=calibrate)
    example = (zoo.to_float(images.test.images[:1]),) if images else ()
    report = chip.report(*example)
    if export:
        chip.export(export)
    print(report.to_json() if json else report)


def evaluate(
    model: str = "digits-cnn",
    data: str = "digits",
    root: str = "",
    weights: str = "",
    crossbar: tuple[str, ...] = ("rethinking-64",),
    gain: tuple[str, ...] = ("unit",),
    attack: str = "pgd",
    eps: tuple[Number, ...] = (8 / 255,),
    steps: int = 0,
    step_size: Number = STEP,
    loss: tuple[str, ...] = ("margin",),
    random_start: bool = True,
    early_stop: bool = False,
    settings: tuple[str, ...] = ("SW", "SH", "HH"),
    seeds: tuple[int, ...] = (0,),
    limit: int = 500,
    batch_size: int = 100,
    threads: int = 0,
    calibration: int = 200,
    draws: int = 1,
    out: Path = Path("runs/evaluate.jsonl"),
    json: bool = False,
) -> None:
    """Accuracy in software (SW), of chips under transferred (SH) and white-box (HH) attack; resumes from `out`.

    Args:
        model: a name that ships with wordline, a .safetensors file with its card, or package.module:factory.
        weights: weight file for a factory.
        crossbar: presets or JSON files; every one is combined with every gain.
        gain: unit, least-squares or per-column.
        attack: fgsm, pgd, mifgsm, multi-targeted, worst-case, random; with the extra autoattack apgd-ce, apgd-t, fab-t,
            square, autoattack; with foolbox hop-skip-jump. The libraries' own leave unbroken images as they are.
        eps: Linf radii; 8/255 is a number here.
        steps: 0 takes max(10, 2.5 eps / step_size, rounded up), and the libraries' own defaults for their attacks.
        early_stop: white-box attacks stop moving an image once it is misclassified; images for transfer never do.
        seeds: one chip each.
        limit: the first so many test images; 0 takes all.
        threads: 0 leaves torch's choice; part of a result's conditions.
        calibration: training images that converters with a calibrated range are set on.
        draws: how often a chip with read noise is asked; at least 20 for a result.
        out: JSON lines, one a finished cell.
    """
    for name, value in (("steps", steps), ("limit", limit), ("threads", threads)):
        require_integer(name, value, at_least=0)
    require_integer("calibration", calibration, at_least=1)
    require_number("step_size", step_size, above=0.0)
    if threads:
        torch.set_num_threads(threads)
    software, loaded = _model(model, weights), zoo.load_dataset(data, root)
    images = loaded.test
    attacks = tuple(_attack(attack, e, steps, step_size, kind, random_start, early_stop) for kind in loss for e in eps)
    crossbars = tuple(_crossbar(name, g) for g in gain for name in crossbar)
    grid = Grid(crossbars, attacks, seeds, settings, batch_size=batch_size, draws=draws)
    split = images.take(limit) if limit else images
    set_on = loaded.train.take(calibration) if any(c.calibrated for c in crossbars) else None
    records = run_grid(software, split, grid, Journal(out), calibration=set_on, progress=Bar())
    _print_records(records, json, title=f"{model} on {data}, {len(split)} test images; 95 % intervals")


def surrogate(
    action: tyro.conf.Positional[Literal["fit"]],
    out: Path,
    crossbar: str = "rethinking-64",
    law: str = "sinh",
    b: Number = 4.0,
    volts: Number = 0.25,
    samples: int = 8192,
    epochs: int = 100,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Fit a fast stand-in for arrays of devices with a curved I-V; nothing is kept of a fit that is interrupted.

    Args:
        action: fit.
        out: the .safetensors file to write; SurrogateArray.of(file) reads it.
        crossbar: a preset or a JSON file, of which the tile, the window of the device and the wires count.
        law: sinh, I = g sinh(b V) / b; wordline.arrays.fit_surrogate takes any other.
        b: of the law, per volt.
        volts: the largest row voltage.
        samples: nonlinear solves to learn from; a quarter as many judge.
        epochs: the most passes over them.
        json: the report as JSON.
    """
    require_choice("law", law, ("sinh",))
    chosen = _crossbar(crossbar, "")
    report = fit_surrogate(
        tile=chosen.tile, g_off=chosen.device.g_off_siemens, g_on=chosen.device.g_on_siemens, wires=chosen.wires,
        law=SinhDevice(b=b), volts=volts, out=out, samples=samples, epochs=epochs, seed=seed, command=_said(),
        progress=Bar(),
    )  # fmt: skip
    print(report.to_json() if json else report)


def check(json: bool = False) -> None:
    """Compare the solver, the gradients and the attacks with independent answers, on this machine."""
    results = selfcheck()
    print("\n".join(r.to_json() for r in results) if json else render_checks(results))
    if not all(r.passed for r in results):
        raise SystemExit(1)


def _said() -> str:
    """The command as typed, without the folders of this machine: what a card may say to others."""
    words = [part for word in sys.argv[1:] for part in (word.split("=", 1) if word.startswith("--") else [word])]
    hidden = ["DIR" if before in ("--root", "--out") else word for before, word in pairwise(["", *words])]
    return shlex.join(["wordline", *(Path(word).name if word.endswith(".json") else word for word in hidden)])


def _print_records(records: Sequence[object], json: bool, *, title: str) -> None:
    print("\n".join(r.to_json() for r in records) if json else table(records, title=title))  # type: ignore[attr-defined, arg-type]


def _model(name: str, weights: str) -> nn.Module:
    if ":" in name:
        return zoo.from_factory(name, weights)
    if weights:
        raise ValueError("`weights` goes with a factory, package.module:factory; a named model has its own")
    return zoo.load_model(name)


def _crossbar(name: str, gain: str) -> Crossbar:
    if gain:
        require_choice("gain", gain, tuple(GAINS))
    if not name.endswith(".json"):
        return Crossbar.preset(name, gain=GAINS.get(gain))
    path = Path(name)
    if not path.is_file():
        raise ValueError(f"`crossbar` file {name!r} does not exist")
    chosen = Crossbar.from_json(path.read_text())
    return dataclasses.replace(chosen, gain=GAINS[gain]) if gain else chosen


def _attack(
    name: str, eps: float, steps: int, step_size: float, loss: str, random_start: bool, early_stop: bool
) -> AbstractAttack:
    return attack_by_name(name, Wish(eps, step_size, steps, loss, random_start, early_stop))  # type: ignore[arg-type]
