"""Arrays of nonlinear devices at the speed of a few matrix products."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from ...circuits import AbstractDeviceLaw, Wires
from ...circuits.effective import through_wires
from ...transforms import concrete
from ...values import require_instance
from ..array import AbstractArray
from .column_network import MATRICES, program_columns
from .converted_read import Digits, converted_read
from .design import ArrayDesign
from .file import SurrogateReport, load_surrogate, surrogate_hash
from .read import read
from .samples import REACH

_VOLTS_ROUNDING = 1e-6  # relative, of a full voltage


@final
@dataclass(frozen=True)
class SurrogateArray(AbstractArray):
    """An array of nonlinear devices, by a network fitted to the nonlinear solve of its design.

    I = I_linear (1 + r): the exact current of the ohmic array, times a ratio in the manner of
    GENIEx (arXiv 2003.06902) that a small network computes for each column. `column_network` has
    its six features, `report` its held-out errors, and `wordline surrogate fit` makes one. A read
    is done in float32 or a wider type, and is exactly 0 A at 0 V. The gradient is the surrogate's
    own. Voltages lie between 0 and the design's largest, so that an input of both signs takes two
    reads; conductances are 0, or lie between half of the design's g_off and 1.5 of its g_on.

    `path`: a file, or "builtin:NAME"; `sha256`: hash of the file: a file with another is refused.
    `SurrogateArray.of(path)` takes the file as it is now.

    >>> array = SurrogateArray.of("builtin:puma-32x32-100k")
    >>> wires, g = array.design.wires, torch.full((32, 32), 1e-5)
    >>> volts = torch.full((1, 32), 0.25)
    >>> i = array.currents(volts, array.program(g, wires), wires)
    >>> ohmic = volts @ through_wires(g, wires)
    >>> round((i / ohmic).mean().item(), 2)  # a lone device of b = 4 per volt: sinh(1) = 1.18
    1.09
    """

    linear: ClassVar[bool] = False
    gradient: ClassVar[str] = "surrogate"
    needs_volts: ClassVar[bool] = True
    independent_columns: ClassVar[bool] = True

    path: str
    sha256: str

    def __post_init__(self) -> None:
        require_instance("path", self.path, str)
        require_instance("sha256", self.sha256, str)
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(
                f"`sha256` must be 64 hex digits, got {self.sha256!r}; use SurrogateArray.of(path)"
            )

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> SurrogateArray:
        """Take the surrogate in a file as it is now."""
        name = os.fspath(path)
        return cls(name, surrogate_hash(name))

    @property
    def report(self) -> SurrogateReport:
        """Conditions of the fit, and its held-out errors."""
        return load_surrogate(self.path, self.sha256).report

    @property
    def design(self) -> ArrayDesign:
        """Design of the arrays that the surrogate replaces."""
        return self.report.design

    @property
    def device_law(self) -> AbstractDeviceLaw:
        return self.design.law

    def height(self, rows: int, cols: int, wires: Wires) -> int:
        return MATRICES * rows + len(load_surrogate(self.path, self.sha256).network.o) + 1

    def program(self, g: Tensor, wires: Wires) -> Tensor:
        """Prepare arrays for reads, `(..., 4 rows + hidden + 1, cols)`; see `program_columns`."""
        network, report = load_surrogate(self.path, self.sha256)
        design = report.design
        self._require(design, tuple(g.shape[-2:]), wires)
        low, high = (1 - REACH) * design.g_off_siemens, (1 + REACH) * design.g_on_siemens
        values = concrete(g)
        outside = ((values < low) | (values > high)) & (values != 0)
        if outside.any():
            raise ValueError(
                f"`g` holds {values[outside][0].item():g} S; the surrogate {self.path!r} was "
                f"fitted for devices between {low:g} and {high:g} S, or open; "
                "fit one for this window with `wordline surrogate fit`"
            )
        fine = g.double()
        network = network.to(g.device)
        return program_columns(network, fine, through_wires(fine, wires), design).to(g.dtype)

    def currents(self, volts: Tensor, programmed: Tensor, wires: Wires) -> Tensor:
        """Compute I_j = V_max m1_j (1 + r_j), with the sums of `column_network`."""
        network, report = load_surrogate(self.path, self.sha256)
        design = report.design
        # A read may take any number of columns.
        self._require(design, (volts.shape[-1], design.tile[1]), wires)
        if volts.numel():
            self._require_volts(design, *(x.item() for x in concrete(volts).aminmax()))
        dtype = torch.promote_types(torch.result_type(volts, programmed), torch.float32)
        return read(network, volts.to(dtype), programmed.to(dtype), design)

    def convert(
        self, u: Tensor, programmed: Tensor, wires: Wires, *, digits: Digits, outputs: int
    ) -> tuple[Tensor, int]:
        """Add up the codes that an ADC makes of `currents`, over all digits; see `converted_read`.

        One compiled pass, on the processor, in float32, differentiable once in `u`.
        """
        network, report = load_surrogate(self.path, self.sha256)
        design = report.design
        self._require(design, design.tile, wires)
        self._require_volts(design, 0.0, digits.volts)
        return converted_read(
            u, programmed, network=network, design=design, digits=digits, outputs=outputs
        )

    def _require_volts(self, design: ArrayDesign, low: float, high: float) -> None:
        if not (low >= 0 and high <= design.volts * (1 + _VOLTS_ROUNDING)):
            raise ValueError(
                f"`volts` run from {low:g} to {high:g}; the surrogate {self.path!r} was fitted "
                f"from 0 to {design.volts:g} V: scale the inputs, and read those of negative "
                "sign on their own"
            )

    def _require(self, design: ArrayDesign, tile: tuple[int, ...], wires: Wires) -> None:
        for name, value, fitted in (("tile", tile, design.tile), ("wires", wires, design.wires)):
            if value != fitted:
                raise ValueError(
                    f"`{name}` {value} is not what the surrogate {self.path!r} was fitted for, "
                    f"{fitted}; fit one with `wordline surrogate fit`"
                )
