"""A mapped layer whose weight is learned: programmed again at every pass."""

from __future__ import annotations

from typing import Any, final

import torch

from ..mapping import Crossbar, ProgrammedMatrix
from ..transforms import under_transform
from .abstract_mapped_layer import AbstractMappedLayer, LayerProgress
from .layers.matrix_view import MatrixView, as_parameter
from .programming import program_on
from .reading.read_path import require_one_chip


@final
class TrainableLayer(AbstractMappedLayer):
    """A mapped layer that keeps the software weight as a parameter and programs it at every pass.

    The gradient reaches the weight through variation, circuit and gain, by the exact adjoint of the
    circuit: hardware-aware training differentiates this. Every pass draws the same chip. A weight
    that the network shares with another layer stays the one parameter of both. The buffers keep the
    state of the last pass outside of `torch.func`.
    """

    reprogrammed = True

    def __init__(
        self, view: MatrixView, programmed: ProgrammedMatrix, crossbar: Crossbar, seed: int, *,
        keep_conductances: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(view, programmed, crossbar, seed, keep_conductances=keep_conductances)
        self.weight, self.software_product = as_parameter(view.weight), view.product
        self._step_state: ProgrammedMatrix | None = None

    def arrays_state(self) -> ProgrammedMatrix:
        return self._program() if self._step_state is None else self._step_state

    def program_for_step(self, seed: int) -> None:
        """Program now, with the draws of `seed`, and use these arrays until called again.

        For the passes of one training step, of which an attack takes many: the gradient of each of
        them reaches the weight of now. Read noise begins anew.
        """
        self.stream_seed = seed
        self.noise.restart(seed)
        self._step_state = self._program()

    def restore(self, crossbar: Crossbar, progress: LayerProgress) -> None:
        """Continue as the layer of this crossbar and progress; the next pass programs it."""
        super().restore(crossbar, progress)
        self._step_state = None

    def freeze(self, seed: int) -> None:
        """Refuse to keep noise: each pass programs the layer anew."""
        if self.crossbar.stochastic:
            raise ValueError(
                "`chip` is trainable and programs itself at each pass; map it without "
                "trainable=True"
            )

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the arrays of a training step, which belong to the graph of that step."""
        return {**vars(self), "_step_state": None}

    def _program(self) -> ProgrammedMatrix:
        require_one_chip(self.effective_weight)
        weight = self.weight.to(torch.promote_types(self.weight.dtype, torch.float32))
        matrix = self.software_product.to_matrix(weight)
        (programmed,) = program_on(matrix, self.crossbar, (self.stream_seed,))
        if under_transform():  # its tensors mean nothing afterwards
            return programmed
        self.keep(programmed)
        self.gain, self.nf = programmed.gain.detach(), programmed.nf
        if not self.crossbar.is_matrix:
            self.w_max = programmed.w_max
        return programmed
