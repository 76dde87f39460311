"""A mapped layer that is programmed once."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ..mapping import ProgrammedMatrix
from .abstract_mapped_layer import AbstractMappedLayer
from .layers.opaque_weight import opaque
from .reading.noise_stream import during_one_read, first_read


@final
class MappedLayer(AbstractMappedLayer):
    """A mapped layer that was programmed once; see `AbstractMappedLayer`."""

    reprogrammed = False

    @property
    def weight(self) -> Tensor:
        """The effective weight, for networks that read it, or an opaque one.

        It is opaque where no matrix says everything, and where groups share tiles.
        """
        if self.has_matrix and self.effective_weight.numel() == self.weight_count:
            return self.effective_weight
        return opaque(self.effective_weight)

    @property
    def has_matrix(self) -> bool:
        """True where the layer computes the product with its effective weight, and only that."""
        return self.crossbar.is_matrix and not self.crossbar.stochastic

    def arrays_state(self) -> ProgrammedMatrix:
        matrix = self.product.to_matrix(self.effective_weight)
        response = self.conductances if self.crossbar.is_matrix else self.response
        # Read noise alone asks for the conductances.
        kept = self.conductances if "conductances" in self._buffers else response
        return ProgrammedMatrix(kept, response, matrix, self.gain, self.w_max, self.nf)

    def freeze(self, seed: int) -> None:
        """Make the noise of the first read of this stream a part of the devices."""
        if not self.crossbar.stochastic:
            return
        with torch.no_grad():
            if self.crossbar.noisy_devices:
                self.keep(during_one_read(self.arrays_state(), self.crossbar, first_read(seed)))
        if self.crossbar.output_noise.per_read:
            self.stream_seed = seed  # from which output noise that stands still is drawn
        self.set_crossbar(self.crossbar.frozen_noise)
