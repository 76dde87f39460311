"""Crossbars that the tests of layers share."""

import dataclasses

import wordline as wl

IDEAL = wl.Crossbar.preset("ideal")
READ = dataclasses.replace(
    IDEAL, array=wl.IdealBackward(wl.ExactArray())
)  # ideal too, but every pass reads the arrays
REAL = wl.Crossbar(
    tile=(8, 6),
    device=wl.Memristor(2e4, 2e5),
    wires=wl.Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3),
    nonidealities=(wl.GaussianVariation(0.1),),
    gain=wl.LeastSquaresGain(),
)
CODES = dataclasses.replace(
    REAL, nonidealities=(), dac=wl.UniformConverter(bits=6, range=wl.FixedRange(2.0)),
    adc=wl.UniformConverter(bits=7, range=wl.FullScale(0.25)),
)  # fmt: skip
EITHER = [IDEAL, READ]
