"""Noise stability: deviation of a chip's activations from software's, and its propagation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..text import render_table
from ..values import Value
from .record import NetworkIdentity, describe


@dataclass(frozen=True)
class Statistic(Value):
    """A figure over images: its mean, the standard error of the mean and the median.

    One image at infinity (an SNR without noise) makes mean and error infinite; the median may
    still be finite.
    """

    mean: float
    error: float
    median: float

    def __str__(self) -> str:
        return f"{self.mean:.3g}"


@dataclass(frozen=True)
class LogitStability(Value):
    """Signal-to-noise ratio and noise sensitivity of the logits; see `LayerStability`."""

    snr: Statistic
    noise_sensitivity: Statistic

    @property
    def snr_db(self) -> float:
        """10 log10 of the mean SNR."""
        return _decibel(self.snr.mean)


@dataclass(frozen=True)
class LayerStability(Value):
    """One call of one layer A: z its input, x = A z + bias its output.

    With a and b the output in software and on the chip, per image, then over images (and draws
    of a stochastic chip):

    - `snr` = ||b||^2 / ||a - b||^2. The signal is the chip's activation, as arXiv 2109.09060 and
      its code have it; `snr_db` is 10 log10 of the mean. Infinite without noise.
    - `noise_sensitivity` = ||a - b||^2 / ||a||^2.
    - `noise_factor` = SNR of the input / SNR of the output: above 1 the layer adds noise. Infinite
      where the input has none, as in the first layer; 1 where the output has none either.
    - `layer_cushion` = ||A z|| / (||A||_F ||z||), without the bias; ||A||_F is that of the weights
      as they are stored, for a convolution of its kernel (the published code; the norm of the
      whole linear map would be larger by nearly the square root of the number of positions).
    - `activation_contraction` = ||y|| / ||phi(y)|| of the first activation function phi after the
      layer, whatever stands between them (batch norm, a shortcut that is added); 1 where none
      follows.
    - `interlayer_cushion` = ||J x|| sqrt(dim x) / (||J||_F ||x||), J the Jacobian of the map M
      from x to the logits, all else in the network as the image has it: 1 for an x of no
      particular direction.
    - `interlayer_smoothness` = 1/mu = ||M(x + n) - J (x + n)|| ||x|| / (||n|| ||M(x)||), n = b - a
      the chip's own noise. With biases, batch norm or shortcuts M(x) is not J x, and this is large
      however smooth M is; so
    - `interlayer_curvature` has M(x) + J n in the place of J (x + n): equal for networks without
      biases, zero for every affine M. Arora et al. make biases further inputs, which is the same.

    0/0 counts as 0 but for the ratios of noise above; smoothness and curvature are 0 where there
    is no noise. Cushions, contraction and smoothness are those of Arora et al. 2018 (arXiv
    1802.05296), means over images where that paper takes the worst one.
    """

    name: str
    call: int  # 0 for the first call of the layer in a pass; a shared layer has a row a call
    snr: Statistic
    noise_sensitivity: Statistic
    noise_factor: Statistic
    layer_cushion: Statistic
    activation_contraction: Statistic
    interlayer_cushion: Statistic
    interlayer_smoothness: Statistic
    interlayer_curvature: Statistic

    @property
    def snr_db(self) -> float:
        """10 log10 of the mean SNR."""
        return _decibel(self.snr.mean)

    @property
    def title(self) -> str:
        """The layer's name, with the call where it is not the first."""
        return f"{self.name} (call {self.call + 1})" if self.call else self.name


@dataclass(frozen=True)
class NoiseStability(Value):
    """A chip beside its software network on clean images, a row a layer in the order of the pass.

    Errors accumulate: every layer receives the outputs of the chip's layers before it. `left_out`:
    layers of the chip that the software network does not have by that name, or that no image
    passed through. `exact_jacobian`: ||J||_F is exact, else Hutchinson's estimate from `probes`
    random signs an image.
    """

    chip: NetworkIdentity
    software: NetworkIdentity
    data: str
    fingerprint: str
    images: int
    draws: int
    seed: int
    probes: int
    exact_jacobian: bool
    batch_size: int
    threads: int
    layers: tuple[LayerStability, ...]
    logits: LogitStability
    left_out: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> LayerStability:
        """Return the first row of a layer."""
        for row in self.layers:
            if row.name == name:
                return row
        raise KeyError(name)

    def __str__(self) -> str:
        draws = f", {self.draws} draws" if self.draws > 1 else ""
        title = (
            f"noise stability of {describe(self.chip)} beside {describe(self.software)}, "
            f"{self.images} images of {self.data or 'data'}{draws}; means over images"
        )
        rows: list[tuple[str, ...]] = [
            (
                row.title, str(row.snr), f"{row.snr_db:.1f}", str(row.noise_sensitivity),
                str(row.noise_factor), str(row.layer_cushion), str(row.activation_contraction),
                str(row.interlayer_cushion), str(row.interlayer_smoothness),
                str(row.interlayer_curvature),
            )
            for row in self.layers
        ]  # fmt: skip
        end = self.logits
        figures = (str(end.snr), f"{end.snr_db:.1f}", str(end.noise_sensitivity))
        rows.append(("logits", *figures, *[""] * 6))
        table = render_table(HEADER, rows, title=title)
        return table + "".join(f"\nleft out: {name}" for name in self.left_out)


HEADER = (
    "layer", "SNR", "dB", "sensitivity", "noise factor", "layer cushion", "contraction",
    "interlayer cushion", "smoothness", "curvature",
)  # fmt: skip


def _decibel(ratio: float) -> float:
    if ratio <= 0:
        return -math.inf
    return 10 * math.log10(ratio) if math.isfinite(ratio) else ratio
