"""The command `stability`: noise of a chip layer by layer, networks side by side."""

from __future__ import annotations

from pathlib import Path

from ..progress import Bar
from .option_groups import Chip, ChipOptions, Comparison, ComparisonOptions
from .options import require_files


def stability(
    comparison: Comparison = ComparisonOptions(),
    chip: Chip = ChipOptions(),
    chip_seed: int = 0,
    draws: int = 20,
    figure: str = "",
    json: bool = False,
) -> None:
    """Measure noise stability layer by layer.

    SNR, sensitivity, cushions and smoothness, of several networks side by side.

    Args:
        chip_seed: number of the chip of the crossbar.
        draws: number of passes of a chip with read noise.
        figure: also draw it into this .png, .pdf or .svg.
    """
    require_files(("figure", figure))
    from ..evaluation import noise_stability
    from ..nn import calibrate, map_model
    from ..reports import stability_figure

    models, loaded = comparison.load()
    crossbar, run = chip.load(), comparison.run
    results = []
    for software in models.values():
        mapped = map_model(software, crossbar, chip_seed)
        if crossbar.needs_calibration:
            calibrate(mapped, loaded.train, limit=comparison.calibration)
        results.append(
            noise_stability(
                software=software, chip=mapped, data=loaded.test, limit=run.limit,
                batch_size=run.batch_size, draws=draws, progress=Bar(),
            )
        )  # fmt: skip
    if figure:
        stability_figure(results, Path(figure), names=list(models))
    for name, result in zip(models, results, strict=True):
        print(result.to_json() if json else f"{name}: {result}\n")
