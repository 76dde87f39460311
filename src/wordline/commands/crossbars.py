"""`show`, `map`, `surrogate`: crossbars in words, under a network, and as a fast stand-in."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
import tyro

from .. import datasets
from ..arrays import fit_surrogate
from ..circuits import SinhDevice, netlist
from ..files import write_atomically
from ..mapping import program_devices, read_noise
from ..mapping.explain import explain
from ..nn import calibrate as calibrate_ranges
from ..nn import chip_view, map_model
from ..progress import Bar
from ..values import require_choice, require_integer
from .options import Number, crossbar_of, data_of, require_files, said, software_of


def show(crossbar: tyro.conf.Positional[str], gain: str = "", spice: bool = False, seed: int = 0) -> None:
    """Explain a crossbar in words and units, with its NF; or print one array of it as a netlist.

    Args:
        crossbar: a preset such as rethinking-64, or a JSON file of a Crossbar.
        spice: print the netlist of one array with conductances drawn uniformly from the window, for ngspice.
        seed: of those conductances.
    """
    chosen = crossbar_of(crossbar, gain)
    if not spice:
        print(explain(chosen, name=crossbar))
        return
    generator = torch.Generator().manual_seed(seed)
    wanted = chosen.device.conductance(torch.rand(chosen.tile, generator=generator, dtype=torch.float64))
    g = read_noise(program_devices(wanted, chosen, generator=generator), chosen, generator=generator)
    volts = chosen.read_volt * torch.rand(chosen.tile[0], generator=generator, dtype=torch.float64)
    print(netlist(g, chosen.wires, volts, chosen.array.device_law))


def map_(
    model: str = "digits-cnn", crossbar: str = "rethinking-64", gain: str = "", weights: str = "", seed: int = 0,
    strict: bool = False, only: tuple[str, ...] = (), exclude: tuple[str, ...] = (), data: str = "", root: str = "",
    calibrate: int = 0, export: str = "", view: str = "", json: bool = False,
) -> None:  # fmt: skip
    """Map a network onto a crossbar and print the chip's report; with data, what one inference takes.

    Args:
        only: patterns on layer names, such as "features*"; nothing else is mapped.
        exclude: patterns on layer names that stay digital.
        data: a data set whose first test image is passed through the chip to count conversions and cell reads.
        root: local folder of that data set.
        calibrate: measure converter ranges on so many training images of the data first.
        export: write the programmed conductances to this .npz or .csv file.
        view: write maps of the chip's layers to this JSON file, which `wordline report` draws.
    """
    require_integer("calibrate", calibrate, at_least=0)
    if calibrate and not data:
        raise ValueError("`calibrate` needs images; name a data set with --data")
    require_files(("export", export), ("view", view))
    software, there = software_of(model, weights), crossbar_of(crossbar, gain)
    images = data_of(data, root) if data else None
    chip = map_model(software, there, seed, only=only, exclude=exclude, strict=strict, progress=Bar(delay=3.0))
    if images and calibrate:
        calibrate_ranges(chip, images.train, limit=calibrate)
    example = (datasets.to_float(images.test.images[:1]),) if images else ()
    report = chip.report(*example)
    if export:
        chip.export(export)
    if view:
        write_atomically(Path(view), lambda path: path.write_text(chip_view(chip).to_json() + "\n"))
    print(report.to_json() if json else report)


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
    chosen = crossbar_of(crossbar, "")
    report = fit_surrogate(
        tile=chosen.tile, g_off=chosen.device.g_off_siemens, g_on=chosen.device.g_on_siemens, wires=chosen.wires,
        law=SinhDevice(b=b), volts=volts, out=out, samples=samples, epochs=epochs, seed=seed, command=said(),
        progress=Bar(),
    )  # fmt: skip
    print(report.to_json() if json else report)
