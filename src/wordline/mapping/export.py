"""Programmed conductances on disk, for the instrument that programs real devices."""

from __future__ import annotations

import csv
import itertools
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..files import write_atomically
from ..values import require_instance

AXES = ("array", "group", "row_tile", "col_tile", "row", "col")


def export_npz(path: str | Path, conductances: Mapping[str, Tensor]) -> None:
    """Write the conductances of a chip as a NumPy archive: one array for each layer, in siemens.

    `conductances`: layer name -> `(arrays, groups, row_tiles, col_tiles, rows, cols)`, such as
    `{name: layer.conductances for name, layer in chip.layers.items()}`. `numpy.load(path)[name]` is
    the array, bit for bit. The file is written whole or not at all; equal conductances give equal
    bytes. Raises ValueError for no layers, other shapes, and conductances that are negative, NaN or
    infinite.
    """
    layers = _checked(conductances)

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, g in layers.items():
                # Opened by name, entries have no date: equal chips give equal files.
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, g, allow_pickle=False)

    write_atomically(Path(path), write)


def export_csv(path: str | Path, conductances: Mapping[str, Tensor]) -> None:
    """Write the conductances of a chip as text, one device a line: layer, six indices, siemens.

        layer,array,group,row_tile,col_tile,row,col,siemens

    Siemens are the shortest decimals that read back as the same float64, which holds every float32
    exactly. Arguments, order of axes and errors are those of `export_npz`. A million devices take
    some 50 MB and a few seconds.
    """
    layers = _checked(conductances)

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("layer", *AXES, "siemens"))
            for name, g in layers.items():
                for tile in itertools.product(*map(range, g.shape[:-2])):
                    cells = itertools.product(*map(range, g.shape[-2:]))
                    siemens = g[tile].astype(np.float64).ravel().tolist()
                    writer.writerows(
                        (name, *tile, *cell, value)  # csv writes a float as repr does
                        for cell, value in zip(cells, siemens, strict=True)
                    )

    write_atomically(Path(path), write)


def _checked(conductances: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """The layers as arrays in memory of the CPU; refuses conductances that no device can hold."""
    require_instance("conductances", conductances, Mapping)
    if not conductances:
        raise ValueError(
            "`conductances` holds no layer; pass {name: layer.conductances for name, layer in ...}"
        )
    for name, g in conductances.items():
        require_instance(f"conductances[{name!r}]", g, Tensor)
        if g.ndim != len(AXES):
            raise ValueError(
                f"`conductances` layer {name!r} has shape {tuple(g.shape)}; "
                f"its axes must be {', '.join(AXES)}"
            )
        if g.dtype not in (torch.float32, torch.float64):
            raise TypeError(
                f"`conductances` layer {name!r} must be float32 or float64, got {g.dtype}"
            )
        if not bool((g.isfinite() & (g >= 0)).all()):
            raise ValueError(
                f"`conductances` layer {name!r} must hold finite numbers of siemens, 0 or more"
            )
    return {str(name): g.detach().cpu().numpy() for name, g in conductances.items()}
