"""Reads of crossbars with converters, tile by tile and number by number.

Numpy and loops, no code of wordline.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from math import ceil, floor, prod

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@dataclass(frozen=True)
class Adc:
    """`limit` in shares; `off` in shares is taken away for each unit of voltage."""

    limit: float
    steps: int
    lower_bound: float
    off: float = 0.0


@dataclass(frozen=True)
class Digits:
    """Fixed point.

    Bits of a weight, of a cell, of an input, of a stream; `signed_weights` where a pair has a sign.
    """

    weight: int
    cell: int
    input: int
    stream: int
    signed_weights: bool = True

    def slices(self) -> list[float]:
        """What each cell counts for."""
        return _places(self.weight - self.signed_weights, self.cell)

    def middle(self) -> float:
        """The share that stands for zero."""
        return 2 ** (self.weight - 1) / (2**self.weight - 1)

    def reads(self, u: Numbers) -> list[tuple[float, Numbers]]:
        """(what it counts for, voltages) of each read.

        Negative inputs are read as positive ones and subtracted.
        """
        bits, out = self.input - 1, []
        for sign in (1, -1):
            whole = np.floor(np.maximum(sign * u, 0) * (2**bits - 1) + 0.5).astype(int)
            for k, place in enumerate(_places(bits, self.stream)):
                digit = (whole >> (k * self.stream)) % 2**self.stream
                out.append((sign * place, digit / (2**self.stream - 1)))
        return out


def _places(bits: int, digit: int) -> list[float]:
    return [2 ** (digit * k) * (2**digit - 1) / (2**bits - 1) for k in range(ceil(bits / digit))]


def dot(
    vectors: Numbers, shares: Numbers, adc: Adc | None, digits: Digits | None, encoding: str
) -> tuple[Numbers, int, int]:
    """Vectors `(groups, n, K)` -> products, saturated, all conversions.

    Shares are `(arrays, groups, row_tiles, col_tiles, rows, cols)`.
    """
    arrays, groups, row_tiles, col_tiles, rows, cols = shares.shape
    places = digits.slices() if digits else [1.0]
    middle = digits.middle() if digits else 0.5
    held, n = arrays // len(places), vectors.shape[1]
    answer, out, made = np.zeros((held, groups, n, col_tiles, cols)), 0, 0
    padded = np.zeros((groups, n, row_tiles * rows))
    padded[:, :, : vectors.shape[2]] = vectors
    for place, volts in digits.reads(padded) if digits else [(1.0, padded)]:
        for g, t, c, k, h in np.ndindex(groups, row_tiles, col_tiles, len(places), held):
            here = volts[g, :, t * rows : (t + 1) * rows]
            currents = here @ shares[k * held + h, g, t, c]
            if adc is not None:
                currents = currents - adc.off * here.sum(1, keepdims=True)
                code = np.floor(currents / adc.limit * adc.steps + 0.5)
                kept = np.clip(code, adc.lower_bound * adc.steps, adc.steps)
                out, made = out + int((code != kept).sum()), made + code.size
                currents = kept / adc.steps * adc.limit
            answer[h, g, :, c] += place * places[k] * currents
    if encoding == "offset":
        signed = (answer[0, ..., :-1] - answer[0, ..., -1:]) / (1 - middle)
    else:
        signed = answer[0] - answer[1]
        signed = signed / (2 * (1 - middle)) if encoding == "two-sided" else signed
    return signed.reshape(groups, n, -1), out, made


def unroll(
    x: Numbers, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...],
    border: list[tuple[int, int]], mode: str, groups: int,
) -> Numbers:  # fmt: skip
    """Maps `(samples, channels, *size)` -> `(groups, samples * positions, K)`, by window."""
    x = np.pad(x, [(0, 0), (0, 0), *border], mode=MODES[mode])
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    counts = [
        (size - span) // step + 1
        for size, span, step in zip(x.shape[2:], spans, stride, strict=True)
    ]
    each = x.shape[1] // groups
    out = np.zeros((groups, x.shape[0] * prod(counts), each * prod(kernel)))
    for g in range(groups):
        for row, (sample, *place) in enumerate(
            itertools.product(range(x.shape[0]), *map(range, counts))
        ):
            window = tuple(
                slice(p * s, p * s + span, d)
                for p, s, span, d in zip(place, stride, spans, dilation, strict=True)
            )
            out[g, row] = x[(sample, slice(g * each, (g + 1) * each), *window)].ravel()
    return out


def fixed_point(
    x: Numbers, w: Numbers, bits: tuple[int, int, int, int], rows: int, most: int
) -> tuple[NDArray[np.object_], int]:
    """Whole numbers only: x `(n, K)`, w `(K, C)` in [-1, 1] -> sums of code products, saturated.

    A pair of arrays; each partial product of digits over `rows` inputs is cut off at `most`;
    Python's own integers.
    """
    weight, cell, read, stream = bits
    xq = [[_code(v, read) for v in row] for row in x]
    wq = [[_code(v, weight) for v in row] for row in w]
    total, out = np.zeros((x.shape[0], w.shape[1]), dtype=object), 0
    for n, c, first in itertools.product(
        range(x.shape[0]), range(w.shape[1]), range(0, x.shape[1], rows)
    ):
        tile = range(first, min(first + rows, x.shape[1]))
        for xs, ws in itertools.product((1, -1), (1, -1)):
            for s, k in itertools.product(
                range(ceil((read - 1) / stream)), range(ceil((weight - 1) / cell))
            ):
                part = sum(
                    (max(xs * xq[n][i], 0) >> (s * stream))
                    % 2**stream
                    * ((max(ws * wq[i][c], 0) >> (k * cell)) % 2**cell)
                    for i in tile
                )
                out += part > most
                total[n, c] += xs * ws * min(part, most) << (s * stream + k * cell)
    return total, out


def _code(value: float, bits: int) -> int:
    size = floor(abs(value) * (2 ** (bits - 1) - 1) + 0.5)
    return size if value >= 0 else -size
