"""Training with the chip in the loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, final

from torch import nn

from ..mapping import Crossbar
from ..nn import Chip, map_model
from ..nn.trainable_layer import TrainableLayer
from ..seeds import stream_seed
from ..training import AbstractTrainingForward, share_parameters
from ..values import require_instance, require_integer


@final
@dataclass(frozen=True)
class OnChip(AbstractTrainingForward):
    """The network on a chip; gradients of its weights pass through the arrays that hold them.

        dL/dW = (d W_chip / d W)^T dL/dW_chip,   W_chip = gain w_max decode(circuit(program(W)))

    with the exact adjoint of the circuit: wires, variation, faults, converters, gain and scale as
    the crossbar has them (`w_max` counts as a constant; rounding passes straight through, as a
    chip's report says). The weights are programmed once a step, however many passes an attack takes
    in it. `redraw`: every step draws a new chip, so that the network learns the design and not one
    sample; otherwise all steps use the chip that `map_model` gives for `seed`. `only`: patterns of
    the layers that are on it, as `map_model` takes them; none: all.

    Noise-aware training is this with ideal wires and a variation. Raises ValueError for converters
    whose ranges are calibrated on data, for they would have to be measured anew at each step.

    >>> from wordline import Crossbar, GaussianVariation, Memristor, UnitGain, Wires
    >>> noisy = Crossbar(
    ...     tile=(64, 64), device=Memristor(20e3, 200e3), wires=Wires(), gain=UnitGain(),
    ...     nonidealities=(GaussianVariation(sigma=0.1),),
    ... )
    >>> OnChip(noisy).wrap(nn.Linear(4, 2)).layers["model"].weight.shape
    torch.Size([2, 4])
    """

    crossbar: Crossbar
    redraw: bool = True
    seed: int = 0
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_instance("crossbar", self.crossbar, Crossbar)
        require_instance("redraw", self.redraw, bool)
        require_integer("seed", self.seed, at_least=0)
        require_instance("only", self.only, tuple)
        if self.crossbar.needs_calibration:
            raise ValueError(
                "`crossbar` has converters whose range is calibrated on data; train with a range "
                "that needs none (SampleMax, FixedRange, FullScale), and calibrate the chip of the "
                "trained network"
            )

    def wrap(self, model: nn.Module) -> nn.Module:
        chip = map_model(model, self.crossbar, self.seed, trainable=True, only=self.only)
        share_parameters(chip.model, model)
        return chip

    def on_step(self, network: nn.Module, seed: int) -> None:
        for name, layer in cast(Chip, network).layers.items():
            stream = stream_seed(seed if self.redraw else self.seed, name)
            cast(TrainableLayer, layer).program_for_step(stream)
