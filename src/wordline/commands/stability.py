"""`stability`: how much noise a chip adds to each layer, networks side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import nn

from .. import datasets
from ..evaluation import noise_stability
from ..nn import calibrate, map_model
from ..progress import Bar
from ..reports import stability_figure
from ..values import require_integer
from .options import crossbar_of, data_of, require_files, software_of


@dataclass(frozen=True)
class Networks:
    """Networks, the crossbar they are mapped on, and the images.

    Args:
        model: names that ship with wordline, .safetensors files with their cards, or package.module:factory; NAME=MODEL
            calls one NAME in tables and figures. Repeat the option for several.
        root: local folder of the data set.
        weights: weight file for a factory.
        limit: the first so many test images; 0 takes all.
        threads: 0 leaves torch's choice; part of a result's conditions.
        calibration: training images that converters with a calibrated range are set on.
    """

    model: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    data: str = "digits"
    root: str = ""
    weights: str = ""
    limit: int = 500
    batch_size: int = 100
    threads: int = 0
    calibration: int = 200

    def load(self) -> tuple[dict[str, nn.Module], datasets.ImageData]:
        """Networks by name, and the data."""
        require_integer("limit", self.limit, at_least=0)
        require_integer("threads", self.threads, at_least=0)
        require_integer("calibration", self.calibration, at_least=1)
        if self.threads:
            torch.set_num_threads(self.threads)
        return networks_of(self.model, self.weights), data_of(self.data, self.root)


Asked = tyro.conf.OmitArgPrefixes[Networks]
DEFAULT = Networks()


def networks_of(models: tuple[str, ...], weights: str) -> dict[str, nn.Module]:
    """Several networks by name: NAME=MODEL, or a model that is called by its own name."""
    found: dict[str, nn.Module] = {}
    for words in models or ("digits-cnn",):
        name, equals, model = words.partition("=")
        if not equals:
            name, model = (Path(words).stem if words.endswith(".safetensors") else words), words
        if name in found:
            raise ValueError(f"`model` {name!r} is given twice; call them NAME=MODEL")
        found[name] = software_of(model, weights)
    return found


def stability(
    networks: Asked = DEFAULT,
    crossbar: str = "rethinking-64",
    gain: str = "",
    chip_seed: int = 0,
    draws: int = 20,
    figure: str = "",
    json: bool = False,
) -> None:
    """Noise stability per layer: SNR, sensitivity, cushions, smoothness; of several networks side by side.

    Args:
        crossbar: a preset or a JSON file.
        gain: unit, least-squares or per-column; by default the crossbar's.
        chip_seed: which chip of the crossbar.
        draws: how often a chip with read noise is asked.
        figure: also draw it into this .png, .pdf or .svg.
    """
    require_files(("figure", figure))
    models, loaded = networks.load()
    design = crossbar_of(crossbar, gain)
    results = []
    for software in models.values():
        chip = map_model(software, design, chip_seed)
        if design.needs_calibration:
            calibrate(chip, loaded.train, limit=networks.calibration)
        results.append(
            noise_stability(
                software=software, chip=chip, data=loaded.test, limit=networks.limit, batch_size=networks.batch_size,
                draws=draws, progress=Bar(),
            )
        )  # fmt: skip
    if figure:
        stability_figure(results, Path(figure), names=list(models))
    for name, result in zip(models, results, strict=True):
        print(result.to_json() if json else f"{name}: {result}\n")
