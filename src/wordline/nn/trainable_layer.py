"""A mapped layer whose weight is learned: programmed again at every pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..mapping import Crossbar, ProgrammedMatrix
from ..transforms import under_transform
from .mapped_layer import MappedLayer, program_part
from .parts import Part, kept


class TrainableLayer(MappedLayer):
    """A mapped layer that keeps the software weight as a parameter and programs it again at every forward pass.

    The gradient reaches the weight through variation, circuit and gain, by the exact adjoint of the circuit: this is
    what hardware-aware training differentiates. Every pass draws the same chip. A weight that the network shares with
    another layer stays the one parameter of both.
    """

    def __init__(
        self, part: Part, programmed: ProgrammedMatrix, crossbar: Crossbar, seed: int, *, keep_conductances: bool = True
    ) -> None:
        super().__init__(part, programmed, crossbar, seed, keep_conductances=keep_conductances)
        self.weight, self.software_product = kept(part.weight), part.product
        self.held: ProgrammedMatrix | None = None

    def __getattr__(self, name: str) -> Any:
        """The weight is the parameter."""
        return self._tensor(name)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Program, solve, compute; the buffers keep the state of the last pass outside of `torch.func`."""
        self._require_no_graph()
        return self._read(input, self.product.sized(input, output_size))

    def _state(self) -> ProgrammedMatrix:
        return self._programmed() if self.held is None else self.held

    def hold(self, seed: int) -> None:
        """Program now, with the draws of `seed`, and answer from that until called again, whatever the weight does.

        For the passes of one training step, of which an attack takes many: the gradient of each of them reaches the
        weight of this moment. Read noise begins anew.
        """
        self.stream_seed = seed
        self.noise.restart(seed)
        self.held = self._programmed()

    def become(self, crossbar: Crossbar, stream: int, noise: int, reads: int, *counts: int) -> None:
        """See `MappedLayer.become`; the next pass programs the weight that is loaded."""
        super().become(crossbar, stream, noise, reads, *counts)
        self.held = None

    def __getstate__(self) -> dict[str, Any]:
        """What a copy has: not what is held for a step, which belongs to the graph of that step."""
        return {**vars(self), "held": None}

    def _programmed(self) -> ProgrammedMatrix:
        self._require_one_chip()
        own = self.weight.dtype
        weight = self.weight.to(torch.promote_types(own, torch.float32))
        (programmed,) = program_part(self.software_product.to_matrix(weight), self.crossbar, (self.stream_seed,))
        if under_transform():  # its tensors mean nothing afterwards
            return programmed
        self._keep(programmed)
        self.gain, self.nf = programmed.gain.detach(), programmed.nf
        if not self.crossbar.is_matrix:
            self.w_max = programmed.w_max
        return programmed

    def freeze(self, seed: int) -> None:
        """Refused: each pass programs the layer anew, so nothing could be kept."""
        if self.crossbar.stochastic:
            raise ValueError("`chip` is trainable and programs itself at each pass; map it without trainable=True")
