"""The commands `show`, `map` and `surrogate`: crossbars in words, under a network, and fitted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from ..files import write_atomically
from ..progress import Bar
from ..values import require_choice, require_integer
from .option_groups import Chip, ChipOptions, Data, DataOptions, Network, NetworkOptions
from .options import Number, crossbar_of, require_files, said


def show(
    crossbar: tyro.conf.Positional[str], gain: str = "", spice: bool = False, seed: int = 0
) -> None:
    """Explain a crossbar in words and units, with its NF.

    With --spice the netlist of one array is printed instead.

    Args:
        crossbar: a preset such as rethinking-64, or a JSON file of a Crossbar.
        spice: print the netlist of one array with conductances drawn uniformly from the window,
            for ngspice.
        seed: of those conductances.
    """
    import torch

    from ..circuits import netlist
    from ..mapping import program_devices, read_noise
    from ..mapping.explain import explain

    chosen = crossbar_of(crossbar, gain)
    if not spice:
        print(explain(chosen, name=crossbar))
        return
    generator = torch.Generator().manual_seed(seed)
    share = torch.rand(chosen.tile, generator=generator, dtype=torch.float64)
    target = chosen.device.conductance(share)
    g = program_devices(target, chosen, generator=generator)
    g = read_noise(g, chosen, generator=generator)
    rows = torch.rand(chosen.tile[0], generator=generator, dtype=torch.float64)
    print(netlist(g, chosen.wires, chosen.read_volt * rows, chosen.array.device_law))


@dataclass(frozen=True)
class LayerOptions:
    """The layers to map.

    Args:
        only: patterns on layer names, such as "features*"; nothing else is mapped.
        exclude: patterns on layer names that stay digital.
        strict: refuse a network with a layer that cannot be mapped.
    """

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    strict: bool = False


def map_(
    network: Network = NetworkOptions(),
    chip: Chip = ChipOptions(),
    layers: tyro.conf.OmitArgPrefixes[LayerOptions] = LayerOptions(),
    data: Data = DataOptions(data=""),
    *,
    calibrate: int = 0,
    seed: int = 0,
    export: str = "",
    view: str = "",
    json: bool = False,
) -> None:
    """Map a network onto a crossbar and print the chip's report.

    With data, the report also counts the conversions and cell reads of the first test image.

    Args:
        calibrate: first measure converter ranges on so many training images of the data.
        export: write the programmed conductances to this .npz or .csv file.
        view: write maps of the chip's layers to this JSON file, which `wordline report` draws.
    """
    require_integer("calibrate", calibrate, at_least=0)
    if calibrate and not data.data:
        raise ValueError("`calibrate` needs images; name a data set with --data")
    require_files(("export", export), ("view", view))
    from ..datasets import to_float
    from ..nn import calibrate as calibrate_ranges
    from ..nn import chip_view, map_model

    software, crossbar = network.load(), chip.load()
    images = data.load() if data.data else None
    mapped = map_model(
        software, crossbar, seed, only=layers.only, exclude=layers.exclude, strict=layers.strict,
        progress=Bar(delay=3.0),
    )  # fmt: skip
    if images and calibrate:
        calibrate_ranges(mapped, images.train, limit=calibrate)
    example = (to_float(images.test.images[:1]),) if images else ()
    report = mapped.report(*example)
    if export:
        mapped.export(export)
    if view:
        text = chip_view(mapped).to_json() + "\n"
        write_atomically(Path(view), lambda path: path.write_text(text))
    print(report.to_json() if json else report)


def surrogate(
    action: tyro.conf.Positional[Literal["fit"]],
    out: Path,
    *,
    crossbar: str = "rethinking-64",
    law: str = "sinh",
    b: Number = 4.0,
    volts: Number = 0.25,
    samples: int = 8192,
    epochs: int = 100,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Fit a fast surrogate of arrays with curved I-V.

    A fit that is interrupted leaves nothing.

    Args:
        action: fit.
        out: the .safetensors file to write; SurrogateArray.of(file) reads it.
        crossbar: a preset or a JSON file, of which the tile, the window of the device and the
            wires count.
        law: sinh, I = g sinh(b V) / b; wordline.arrays.fit_surrogate takes any other.
        b: of the law, per volt.
        volts: the largest row voltage.
        samples: nonlinear solves to learn from; a quarter as many judge.
        epochs: the most passes over them.
        json: the report as JSON.
    """
    require_choice("law", law, ("sinh",))
    from ..arrays import fit_surrogate
    from ..circuits import SinhDevice

    chosen = crossbar_of(crossbar, "")
    report = fit_surrogate(
        tile=chosen.tile, g_off=chosen.device.g_off_siemens, g_on=chosen.device.g_on_siemens,
        wires=chosen.wires, law=SinhDevice(b=b), volts=volts, out=out, samples=samples,
        epochs=epochs, seed=seed, command=said(), progress=Bar(),
    )  # fmt: skip
    print(report.to_json() if json else report)
