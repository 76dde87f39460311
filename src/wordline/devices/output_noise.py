"""Output noise: currents that fluctuate on their way from a column to its converter."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import final

from ..values import Value, require_instance, require_number
from .converters import AbstractConverter
from .ranges import AbstractOutputRange, Calibrated, FullScale


@final
@dataclass(frozen=True)
class OutputNoise(Value):
    """Gaussian noise added to the current of every column of a tile, in front of its converter.

        I_j <- I_j + sigma F n,    n standard normal

    `sigma`: standard deviation in shares of F, >= 0; 0 is no noise. `range`: F, a current alike for
    all columns. `FullScale()` is that of a column of on cells under full voltage, so that sigma is
    a share of full scale; `FixedRange(1e-6)` makes sigma a number of microamperes; `OutputBound(1)`
    is one device at g_on less one at g_off under full voltage, the unit in which aihwkit states its
    `out_noise`; the `Calibrated(percent)` of an ADC is what `calibrate` measures for it.

    n is drawn for every column of every array and every vector of voltages, so that it differs
    between the images of a batch, the positions of a kernel and the reads of a stream (of which
    both signs are then read, whatever the inputs): noise of amplifiers and converters, faster than
    one read. It does not depend on weights or inputs, and
    the derivative of a read passes by it unchanged. The next pass draws other numbers.
    `frozen=True` draws one number for each output and keeps it, the same for every image. Under
    `torch.func.vmap` all that is mapped over meets the same numbers.

    A layer says what reaches its outputs: `layer.output_noise_std()`. Source: `out_noise` of
    aihwkit, Rasch et al., IEEE AICAS 2021 (arXiv 2104.02184).

    >>> from wordline.devices import FixedRange
    >>> OutputNoise(sigma=0.04).per_read, OutputNoise(sigma=0.0).per_read
    (True, False)
    >>> OutputNoise(sigma=0.5, range=FixedRange(1e-6)).scaled_noise(2.0).sigma
    1.0
    """

    sigma: float
    range: AbstractOutputRange = field(default_factory=FullScale)
    frozen: bool = False

    def __post_init__(self) -> None:
        require_number("sigma", self.sigma, at_least=0.0)
        require_instance("range", self.range, AbstractOutputRange)
        require_instance("frozen", self.frozen, bool)

    @property
    def per_read(self) -> bool:
        """True where it is drawn at each read; otherwise it stands still, or there is none."""
        return self.sigma > 0 and not self.frozen

    def frozen_noise(self) -> OutputNoise:
        """Return the same noise, drawn once."""
        return replace(self, frozen=True) if self.sigma else self

    def scaled_noise(self, scale: float) -> OutputNoise:
        """Return the same noise, `scale` times as strong if it is drawn at each read."""
        return replace(self, sigma=self.sigma * scale) if self.per_read else self


NO_OUTPUT_NOISE = OutputNoise(sigma=0.0)


def require_noise(noise: OutputNoise, adc: AbstractConverter) -> None:
    """Refuse noise in shares of a range that is not measured for the converter behind it."""
    require_instance("output_noise", noise, OutputNoise)
    span = noise.range
    if isinstance(span, Calibrated) and (adc.ideal or adc.range != span):
        raise ValueError(
            f"`output_noise` has the range {span}, which `calibrate` measures for an ADC, and "
            "`adc` has another or none; give both the same, or the noise a FullScale(), an "
            "OutputBound(...) or a FixedRange(...)"
        )
