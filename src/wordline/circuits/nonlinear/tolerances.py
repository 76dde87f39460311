"""Tolerances of Newton's method, its line search and its linear systems.

Voltages are relative to the largest voltage that drives a sample's devices at rest.
"""

import torch

RESIDUAL = 1e-12  # voltage; the residual Z e of a sample that has converged
STEPS = 200  # Newton steps of one sample

# A sample whose residual stays above RESIDUAL has still converged if the residual is no more than
# the rounding of its own terms and of MAX_RESIDUAL. The rounding is worked out below CHECK_ROUNDING
# only. Column currents may be off by about thirty times a residual.
CHECK_ROUNDING = 1e-6  # voltage
MAX_RESIDUAL = 1e-8  # voltage
ROUNDING = 8 * torch.finfo(torch.float64).eps  # relative error of one term of the residual

# The start: the linear array, if its devices carry at most MAX_START_RATIO times what its wires do;
# else one whose devices are that much stiffer, as often as needed.
MAX_START_RATIO = 8.0  # ampere per ampere
TRIALS = 60  # stiffnesses of a start, and lengths of one Newton step

# The strong Wolfe condition of the line search: |slope of E| at the end over that at the beginning.
SLOPE_RATIO = 0.25

# Conjugate gradients for a Newton step: CG_RTOL of the error's power costs the fewest steps in all
# (a tighter one costs inner steps, a looser one Newton steps). Where du and -Z dy differ by more
# than MAX_MISMATCH of du, the array is stiff, and the system is solved again to CG_RTOL_STIFF.
CG_RTOL, CG_RTOL_STIFF, CG_STEPS = 1e-4, 1e-12, 1000
MAX_MISMATCH = 0.01

# The linear systems of derivatives; a gradient of larger relative residual is refused.
ADJOINT_RTOL, ADJOINT_STEPS = 1e-10, 1000
MAX_ADJOINT_RESIDUAL = 1e-8
