"""A device given by a table of measurements."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, final

import torch
from torch import Tensor

from .device import AbstractDevice
from .draws import draw_normal
from .measurements import read_measurements, require_measurements


@final
@dataclass(frozen=True)
class MeasuredDevice(AbstractDevice):
    """A device with a measured mean and standard deviation for each target conductance.

        G = max(0, mean(target) + deviation(target) n),    n standard normal

    Mean and deviation are interpolated linearly between the targets of the table, and constant
    beyond its ends. The window is from the smallest target to the largest, and the mapping reads a
    weight as if the targets had been met: an offset or a slope of the means is an error of the
    chip, which the output gain may undo in part. All in siemens, in rows of increasing target; two
    rows at least.

    >>> device = MeasuredDevice((5e-6, 5e-5), (6e-6, 4e-5), deviations_siemens=(0.0, 0.0))
    >>> target = device.conductance(torch.tensor([0.5]))
    >>> g = device.programmed(target, generator=torch.Generator())
    >>> round(g.item() * 1e6, 4)  # (6 + 40) / 2
    23.0
    """

    passes: ClassVar[int] = 1

    targets_siemens: tuple[float, ...]
    means_siemens: tuple[float, ...]
    deviations_siemens: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("targets_siemens", "means_siemens", "deviations_siemens"):
            column = getattr(self, name)
            if not isinstance(column, tuple):
                raise TypeError(
                    f"`{name}` must be a tuple of numbers, got {column!r} of type "
                    f"{type(column).__name__}"
                )
            if len(column) != len(self.targets_siemens):
                raise ValueError(
                    f"`{name}` has {len(column)} entries and `targets_siemens` has "
                    f"{len(self.targets_siemens)}; a row of the table is one entry of each"
                )
        columns = self.targets_siemens, self.means_siemens, self.deviations_siemens
        rows = list(zip(*columns, strict=True))
        require_measurements(
            [(f"`targets_siemens` row {i + 1}", row) for i, row in enumerate(rows)]
        )
        for name in ("targets_siemens", "means_siemens", "deviations_siemens"):
            # Floats, so that equal tables have equal text.
            object.__setattr__(self, name, tuple(map(float, getattr(self, name))))

    @classmethod
    def from_csv(cls, path: str | Path) -> MeasuredDevice:
        """Read a CSV file with the columns target, mean and standard deviation.

        The header names the unit of each: `target_S,mean_S,std_S` or `target_uS,mean_uS,std_uS`;
        other columns are ignored. Raises ValueError with the line for missing columns, for text
        that is not a number, for targets that do not increase, for negative numbers and for fewer
        than two rows.
        """
        return cls(*read_measurements(Path(path)))

    @property
    def g_on_siemens(self) -> float:
        """Largest target of the table."""
        return self.targets_siemens[-1]

    @property
    def g_off_siemens(self) -> float:
        """Smallest target of the table."""
        return self.targets_siemens[0]

    def conductance(self, share: Tensor) -> Tensor:
        """Return the target for a share of the window: 0 -> smallest, 1 -> largest, continuous."""
        return self.g_off_siemens + share * (self.g_on_siemens - self.g_off_siemens)

    def programmed(self, g: Tensor, *, generator: torch.Generator) -> Tensor:
        """Draw conductances; differentiable along the table's straight pieces for fixed draws."""
        # In double precision, for float32 might merge neighbouring targets.
        target = g.double().clamp(self.g_off_siemens, self.g_on_siemens)
        columns = self.targets_siemens, self.means_siemens, self.deviations_siemens
        targets, means, deviations = (target.new_tensor(column) for column in columns)
        below = torch.searchsorted(targets, target.detach().contiguous(), right=True) - 1
        below = below.clamp(max=len(targets) - 2)  # the last target ends the last piece
        share = (target - targets[below]) / (targets[below + 1] - targets[below])
        mean = torch.lerp(means[below], means[below + 1], share)
        deviation = torch.lerp(deviations[below], deviations[below + 1], share)
        return (mean + deviation * draw_normal(target, generator)).clamp(min=0).to(g.dtype)

    def describe(self) -> str:
        off, on = self.g_off_siemens * 1e6, self.g_on_siemens * 1e6
        return (
            f"{off:g} to {on:g} uS, measured at {len(self.targets_siemens)} targets; "
            f"standard deviation up to {max(self.deviations_siemens) * 1e6:g} uS"
        )
