"""One network on the crossbars of each tool, made the same as far as the tools allow.

64 x 64 arrays in differential pairs, devices of 20 to 200 kOhm, one-sided; the largest weight of a
layer fills the window; batch norms stay digital. A wire segment stands in front of each word line
and behind each bit line. The ADC has 8 signed bits, up to an eighth of the current of a column of
on cells, and stands behind each column of a tile, before the digital subtraction of the pair
(lightning: behind each tile's signed sum, as it has no pairs).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

import wordline as wl

ON_OHM, OFF_OHM, TILE, SHARE = 20e3, 200e3, 64, 1 / 8


@dataclass(frozen=True)
class Setting:
    """`ohm`: one segment; `bits` of the ADC, 0 for none; `tolerance` of iterative solvers."""

    ohm: float = 0.0
    bits: int = 0
    tolerance: float = 1e-3


SETTINGS = {
    "ideal": Setting(),
    "wires 0.5 ohm": Setting(ohm=0.5),
    "8-bit ADC": Setting(bits=8),
    "wires and ADC": Setting(ohm=0.5, bits=8),
}


def software(net: nn.Module, setting: Setting) -> nn.Module:
    """Return the network itself."""
    return net


def wordline(net: nn.Module, setting: Setting) -> nn.Module:
    ohm = setting.ohm
    range_ = wl.devices.FullScale(SHARE)
    crossbar = wl.Crossbar(
        tile=(TILE, TILE), device=wl.Memristor(r_on_ohm=ON_OHM, r_off_ohm=OFF_OHM),
        wires=wl.Wires(driver_ohm=ohm, row_ohm=ohm, col_ohm=ohm, sense_ohm=ohm),
        gain=wl.UnitGain(),
        adc=wl.UniformConverter(bits=setting.bits, range=range_)
        if setting.bits else wl.devices.IdealConverter(),
    )  # fmt: skip
    return wl.map_model(net, crossbar)


def crosssim(net: nn.Module, setting: Setting) -> nn.Module:
    from simulator import CrossSimParameters
    from simulator.algorithms.dnn.torch.convert import analog_modules, from_torch

    parameters = CrossSimParameters()
    core, device, adc = parameters.core, parameters.xbar.device, parameters.xbar.adc
    core.rows_max = core.cols_max = TILE
    core.mapping.weights.row_partition_strategy = "MAX"
    core.mapping.weights.col_partition_strategy = "MAX"
    device.Rmin, device.Rmax = ON_OHM, OFF_OHM
    if setting.ohm:
        parasitics = parameters.xbar.array.parasitics
        parasitics.enable, parasitics.Rp_row, parasitics.Rp_col = True, setting.ohm, setting.ohm
        parameters.simulation.Verr_th_mvm = setting.tolerance
        parameters.simulation.Niters_max_parasitics = 1000
        parameters.simulation.hide_convergence_msg = True
    if setting.bits:
        inputs = core.mapping.inputs.mvm  # volts need a scale: the largest input of a batch
        inputs.min, inputs.max, inputs.percentile = None, None, 1.0
        core.balanced.subtract_current_in_xbar = False
        adc.mvm.model = "SignMagnitudeADC"
        adc.mvm.bits = setting.bits
        adc.mvm.adc_range_option = "CALIBRATED"
        adc.mvm.calibrated_range = [-SHARE * TILE, SHARE * TILE]
    model = from_torch(net, parameters)
    for layer in analog_modules(model):
        layer.train()  # otherwise a backward pass through it raises
    return model


def lightning(net: nn.Module, setting: Setting) -> nn.Module:
    from aihwkit_lightning.nn.conversion import convert_to_analog
    from aihwkit_lightning.simulator.configs import TorchInferenceRPUConfig

    config = TorchInferenceRPUConfig()
    config.mapping.max_input_size = TILE
    if setting.bits:
        config.pre_post.input_range.enable = True
        config.pre_post.input_range.dynamic = True  # the largest of each vector
        config.forward.out_bound = SHARE * TILE
        config.forward.out_res = 2**setting.bits - 2
    return convert_to_analog(net, config).eval().requires_grad_(False)


@dataclass(frozen=True)
class Tool:
    """`module` says whether it is there; `wired`, `coded`: whether it has wires, converters."""

    module: str
    build: Callable[[nn.Module, Setting], nn.Module]
    wired: bool = True
    coded: bool = True

    @property
    def there(self) -> bool:
        return importlib.util.find_spec(self.module) is not None


TOOLS = {
    "software": Tool("torch", software, wired=False, coded=False),
    "wordline": Tool("wordline", wordline),
    "CrossSim": Tool("simulator", crosssim),
    "aihwkit-lightning": Tool("aihwkit_lightning", lightning, wired=False),
}
