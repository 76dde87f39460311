"""`advise`: which crossbar settings keep accuracy, and what robustness they give."""

from __future__ import annotations

from pathlib import Path

from ..progress import Bar
from ..reports import advice_figure
from ..runs import advise as run_advise
from .options import EPS, Number, crossbar_of, require_files
from .stability import DEFAULT, Asked


def advise(
    networks: Asked = DEFAULT,
    crossbar: str = "rethinking-64",
    gain: str = "least-squares",
    tile: tuple[int, ...] = (),
    r_on: tuple[float, ...] = (),
    adc_bits: tuple[int, ...] = (),
    within: float = 0.02,
    eps: Number = EPS,
    steps: int = 20,
    seeds: tuple[int, ...] = (0,),
    out: Path = Path("runs/advise.jsonl"),
    figure: str = "",
    json: bool = False,
) -> None:
    """Which tiles, r_on and ADC bits keep clean accuracy, what they withstand and what they cost; resumes from `out`.

    Args:
        crossbar: what the settings are changed on, a preset or a JSON file.
        gain: unit, least-squares or per-column; "" takes the crossbar's.
        tile: rows and columns of square arrays; none keeps the crossbar's.
        r_on: ohm; the on/off ratio stays.
        adc_bits: 0 for an ideal ADC; ranges are set on training images.
        within: how much clean accuracy may be lost against the network's own in software, a share.
        eps: Linf radius; 8/255 is a number here.
        steps: of each PGD, with the margin loss and with cross-entropy, white-box and crafted on software.
        seeds: one chip each.
        out: JSON lines, one a finished cell.
        figure: also draw it into this .png, .pdf or .svg.
    """
    require_files(("out", out), ("figure", figure))
    models, loaded = networks.load()
    result = run_advise(
        models, base=crossbar_of(crossbar, gain), data=loaded.test,
        calibration=loaded.train.take(networks.calibration), out=out, tiles=tile, r_on_ohm=r_on, adc_bits=adc_bits,
        within=within, eps=eps, steps=steps, seeds=seeds, limit=networks.limit, batch_size=networks.batch_size,
        progress=Bar(),
    )  # fmt: skip
    if figure:
        advice_figure(result, Path(figure))
    print(result.to_json() if json else result)
