"""Layers whose weights are on crossbars: their buffers, read path and state."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

from torch import Tensor, nn

from ..mapping import Crossbar, ProgrammedMatrix
from ..mapping.memory import reads_conductances
from .array_buffers import keep_device_precision, register_arrays
from .layers.matrix_view import MatrixView, as_optional_parameter
from .layers.shared_tiles import product_on_arrays
from .reading.noise_stream import NoiseStream
from .reading.output_deviation import output_deviation
from .reading.read_path import NOT_OBSERVED, CalibrationObserver, choose_read_path
from .reading.tally import Tally


class LayerProgress(NamedTuple):
    """Seeds of programming and read noise, and the counts of reads and conversions so far."""

    stream_seed: int
    noise_seed: int
    noise_reads: int = 0
    conversions: int = 0
    saturated: int = 0


class AbstractMappedLayer(nn.Module, abc.ABC):
    """A layer on crossbars: the product of the software layer, as the chip computes it.

    Buffers: `conductances` `(arrays, groups, row_tiles, col_tiles, rows, cols)` siemens, the
    devices as they are; `effective_weight`, of the shape of the software weight; `gain`; `nf`. The
    bias stays digital. Ohmic arrays without converters are a matrix: the pass is the software
    layer's product with the effective weight, and its gradient is the hardware's. With converters,
    slices or curved devices the pass reads the arrays, and the layer also keeps `response`,
    `w_max`, and the calibrated `input_limit` and `output_limit`, NaN before. Where a read needs
    the conductances themselves, `response` returns those. Where groups share
    tiles (`Crossbar.packing`), `effective_weight` is the wider one of all groups of a tile.

    `keep_conductances=False` leaves out the conductances of a layer whose passes do not need them.

    A cast to half precision casts the effective weight, like a weight in software. The numbers of
    the devices keep float32 or what they had, and reads compute with them.
    """

    conductances: Tensor
    effective_weight: Tensor
    gain: Tensor
    nf: Tensor
    response: Tensor
    w_max: Tensor
    input_limit: Tensor
    output_limit: Tensor
    reprogrammed: ClassVar[bool]  # at each pass
    _whole_state_loads = False  # whether tensors being loaded come with the identity of their chip

    def __init__(
        self, view: MatrixView, programmed: ProgrammedMatrix, crossbar: Crossbar, seed: int, *,
        keep_conductances: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.stream_seed, self.kind = seed, view.kind
        self.product, shape = product_on_arrays(view, crossbar)
        self.weight_count = view.weight.numel()
        self.cells_shape = tuple(programmed.conductances.shape)
        self.bias = as_optional_parameter(view.bias)
        self.tally, self.noise = Tally(), NoiseStream(seed)
        self._observer = NOT_OBSERVED
        self.set_crossbar(crossbar)
        weight = self.product.to_weight(programmed.weight, shape).contiguous()
        register_arrays(self, programmed, weight, crossbar, keep_conductances=keep_conductances)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Compute the layer's product on its arrays.

        `output_size`: as a transposed convolution of torch takes it.
        """
        product = self.product
        if output_size is not None:
            product = product.with_output_size(input, output_size)
        return self._read_path(input, product, self)

    @abc.abstractmethod
    def arrays_state(self) -> ProgrammedMatrix:
        """Return the arrays that a pass reads."""

    def set_crossbar(self, crossbar: Crossbar) -> None:
        """Take the read path, converters and read noise of another crossbar of the same arrays."""
        self.crossbar = crossbar
        self._read_path = choose_read_path(
            crossbar, reprogrammed=self.reprogrammed, observer=self._observer
        )

    def observe(self, observer: CalibrationObserver) -> None:
        """Show what passes see to the callbacks of a calibration; `NOT_OBSERVED` ends it."""
        self._observer = observer
        self.set_crossbar(self.crossbar)

    def output_noise_std(self, x: Tensor | None = None) -> Tensor:
        """Return the standard deviation of output noise in each column; see `output_deviation`."""
        return output_deviation(self, x)

    def keep(self, state: ProgrammedMatrix) -> None:
        """Copy a state into the buffers."""
        if "conductances" in self._buffers:
            self.conductances = state.conductances.detach()
        if "response" in self._buffers:
            self.response = state.response.detach()
        weight = self.product.to_weight(state.weight.detach(), tuple(self.effective_weight.shape))
        self.effective_weight = weight.contiguous().to(self.effective_weight.dtype)

    @property
    def progress(self) -> LayerProgress:
        """Positions of the layer's random streams, and its counts; its buffers hold neither."""
        noise, tally = self.noise, self.tally
        counts = tally.conversions, tally.saturated
        return LayerProgress(self.stream_seed, noise.seed, noise.reads, *counts)

    def restore(self, crossbar: Crossbar, progress: LayerProgress) -> None:
        """Continue as the layer of this crossbar and progress."""
        self.set_crossbar(crossbar)
        self.stream_seed = progress.stream_seed
        self.tally = Tally(progress.conversions, progress.saturated)
        self.noise.restart(progress.noise_seed, progress.noise_reads)

    def expect_whole_state(self, whole: bool) -> None:
        """Say whether tensors that are loaded from now on come with the identity of their chip."""
        self._whole_state_loads = whole

    @property
    def gradient(self) -> str:
        """Kind of autograd through this layer: "exact", or every way in which it is not."""
        of = self.crossbar
        kinds = {of.array.gradient, of.dac.gradient, of.adc.gradient, of.slicing.gradient}
        return " + ".join(sorted(kinds - {"exact"})) or "exact"

    @property
    def matrix_shape(self) -> tuple[int, int, int]:
        """(groups, inputs K, outputs C) of the matrix on the arrays."""
        return self.product.matrix_shape(self.effective_weight.shape)

    def extra_repr(self) -> str:
        groups, k, c = self.matrix_shape
        rows, cols = self.crossbar.tile
        return f"{self.kind}, {groups} x ({k} x {c}) on {rows} x {cols} tiles"

    def __getattr__(self, name: str) -> Any:
        """Return the conductances as `response` where they are one, and explain missing ones."""
        if name == "response" and name not in self._buffers and reads_conductances(self.crossbar):
            return self.conductances
        missing = name == "conductances" and name not in self._buffers
        if missing and "effective_weight" in self._buffers:
            raise AttributeError(
                "`conductances` of this layer were not kept; map the network without "
                "keep_conductances=False"
            )
        return super().__getattr__(name)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        move = super()._apply
        keep_device_precision(self, lambda: move(fn, recurse))
        return self

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Refuse arrays without the identity of their chip, which would be read as this one's."""
        arrays = any(prefix + name in state_dict for name in self._buffers)
        if arrays and not self._whole_state_loads:
            raise RuntimeError(
                "`state_dict` holds arrays of a mapped layer "
                f"({prefix[:-1] or 'the layer itself'}) and does not say of which chip; load the "
                "state_dict() of a whole chip into a whole chip"
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)
