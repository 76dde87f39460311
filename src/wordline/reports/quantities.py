"""The numbers that tables hold: each by name, with its unit and the way it is read off results."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final, TypeVar

from ..records import GradientDeviation, LayerStability, LogitStability, NoiseStability
from ..records.record import Record
from ..values import Value
from .measurement import Measurement, certain
from .robust_gains import measure_robust_gains

R = TypeVar("R", bound=Value)
Measure = Callable[[Iterable[Value]], Iterable[Measurement]]


@dataclass(frozen=True)
class Quantity:
    """A number that a table can hold; a measured v is printed as v * scale in `unit`.

    `measure` takes all results of a folder, because some numbers are of pairs of them, and yields
    the measurements it finds.
    """

    name: str
    measure: Measure
    unit: str = "%"
    scale: float = 100.0
    decimals: int = 1


def of_each(kind: type[R], read: Callable[[R], float]) -> Measure:
    """Measure one number of every result of a kind; NaN stands for none."""

    def measure(results: Iterable[Value]) -> Iterator[Measurement]:
        for result in results:
            if isinstance(result, kind):
                yield Measurement(result, certain(read(result)))

    return measure


def of_each_layer(read: Callable[[LayerStability], float]) -> Measure:
    """Measure one number of every layer of every noise stability."""

    def measure(results: Iterable[Value]) -> Iterator[Measurement]:
        for result in results:
            if isinstance(result, NoiseStability):
                for row in result.layers:
                    yield Measurement(result, certain(read(row)), row.title)

    return measure


def _share(name: str, attribute: str) -> Quantity:
    """A share with its interval, which a record holds as it is."""

    def measure(results: Iterable[Value]) -> Iterator[Measurement]:
        for record in results:
            if isinstance(record, Record):
                yield Measurement(record, getattr(record, attribute))

    return Quantity(name, measure)


def _deviation(name: str, read: Callable[[GradientDeviation], float]) -> Quantity:
    return Quantity(name, of_each(GradientDeviation, read), unit="1", scale=1.0, decimals=3)


def _snr_db(row: LayerStability | LogitStability) -> float:
    return row.snr_db if row.snr.mean > 0 else math.nan  # no signal has no decibels


SHARES: Final = (
    _share("CA", "clean"),
    _share("AA", "adversarial"),
    _share("AL", "loss"),
    _share("ASR", "success"),
)

_KNOWN: Final = (
    *SHARES,
    Quantity("robust gain", measure_robust_gains),
    _deviation("cosine, median", lambda found: median(found.cosine)),
    _deviation("share of equal signs, mean", lambda found: fmean(found.sign_agreement)),
    _deviation("norm of chip / software, median", lambda found: median(found.norm_ratio)),
    _deviation(
        "difference of perturbations / epsilon, mean",
        lambda found: fmean(found.perturbation_difference),
    ),
    _deviation("share of images without a gradient", lambda found: found.flat),
    _deviation("chip's loss at clean images", lambda found: found.loss_along_chip[0]),
    _deviation(
        "chip's loss along software's gradient", lambda found: found.loss_along_software[-1]
    ),
    _deviation("chip's loss along its own gradient", lambda found: found.loss_along_chip[-1]),
    Quantity("SNR of the logits", of_each(NoiseStability, lambda s: _snr_db(s.logits)), "dB", 1.0),
    Quantity("SNR of a layer", of_each_layer(_snr_db), "dB", 1.0),
)
QUANTITIES: Final[dict[str, Quantity]] = {quantity.name: quantity for quantity in _KNOWN}


def register_quantity(quantity: Quantity) -> Quantity:
    """Add a quantity of your own, so that layouts can name it; returns it.

    Raises ValueError for a name that is taken.
    """
    if quantity.name in QUANTITIES:
        raise ValueError(f"`quantity` {quantity.name!r} is there already; choose another name")
    QUANTITIES[quantity.name] = quantity
    return quantity
