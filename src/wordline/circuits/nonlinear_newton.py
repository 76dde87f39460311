"""Newton's method for the device currents of many arrays at once, each sample on its own path.

Unknown: the currents y that the wires carry for the devices. They leave each device the voltage u = v - Z y, at which
it carries i(u). Kirchhoff's current law asks for e = i(u) - y = 0, as far as a wire can tell: Z e = 0. There a convex
function of y, the co-content of the network, has its least value,

    E(y) = sum of (integral of i du) + y Z y / 2,   gradient -Z e,

so that an array whose device currents do not fall with the voltage has one operating point, and the Newton step

    dy = e + s du,   du = -Z dy,   s = di/du   (the linear array of `respond`)

goes downhill towards it from anywhere. How far to walk along it is read from the slope of E there, sum of du (i - y),
which costs device currents only and never falls on the way.
"""

from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor

from . import nonlinear_compiled, nonlinear_ladders
from .laws import AbstractDeviceLaw
from .wires import Wires

TOLERANCE = 1e-12  # of Z e, relative to the largest voltage that drives the devices at rest
STEPS = 200
_NEAR = 1e-6  # from here on it may be rounding that keeps a sample from arriving
_USELESS = 1e-8  # rounding or not, column currents may be off by thirty times this: too much to be called an answer
_TRIALS = 60  # lengths of one step, and stiffnesses of the start
_FLATTER = 0.25  # a step is long enough when E is this much flatter at its end
_STEEP = 8.0  # largest device current over largest wire current from which the linear array is no start
_INNER_RTOL = 1e-4  # a tighter one costs inner steps, a looser one costs Newton steps
_LOOSE = 0.01  # mismatch of du and -Z dy from which the inner solution is done again, to
_STIFF_RTOL = 1e-12
_INNER_STEPS = 1000
_ULPS = 8 * torch.finfo(torch.float64).eps


class Arrival(NamedTuple):
    """Where Newton's method arrived, for samples in a row."""

    volts: Tensor  # (n, rows, cols), u
    currents: Tensor  # (n, rows, cols), i(u)
    residual: Tensor  # (n,), largest |Z e| over the largest driving voltage
    converged: Tensor  # (n,)
    iterations: Tensor  # (n,)


class _Samples(NamedTuple):
    """Samples on their way; all fields `(n, rows, cols)`."""

    g: Tensor
    v: Tensor  # drive of each device's row
    u: Tensor
    y: Tensor
    i: Tensor

    def take(self, which: Tensor) -> "_Samples":
        if len(which) == len(self.g):  # all of them, as `which` rises
            return self
        # Not self.u[which]: torch wakes threads for that even where there is little to do.
        return _Samples(*(x.index_select(0, which) for x in self))

    def put(self, which: Tensor, new: "_Samples") -> None:
        for whole, part in ((self.u, new.u), (self.y, new.y), (self.i, new.i)):  # the arrays stay what they are
            whole.index_copy_(0, which, part)


def engine(tensor: Tensor) -> ModuleType:
    """The wires' functions where the tensor lives: compiled on a CPU, in torch elsewhere."""
    return nonlinear_compiled if tensor.device.type == "cpu" else nonlinear_ladders


def find_operating_points(v: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw) -> Arrival:
    """Settle arrays g `(n, rows, cols)` under drives v `(n, rows)`; a sample never feels the rest of its batch."""
    line = engine(g).drops
    now, scale = _start(v.unsqueeze(2).expand_as(g).contiguous(), g, wires, law)
    index = torch.arange(len(g), device=g.device)
    stuck = ~torch.isfinite(_largest(now.i))
    out = Arrival(g.clone(), g.clone(), scale.clone(), stuck.clone(), index.clone())
    for step in range(STEPS + 1):
        e = now.i - now.y
        worst = _largest(line(e, wires))
        arrived = worst <= TOLERANCE * scale
        if (stuck | (~arrived & (worst <= _NEAR * scale))).any():
            arrived |= (worst <= _rounding(now, wires, law)) & (worst <= _USELESS * scale)
        stop = arrived | stuck | (step == STEPS)
        if stop.any():
            end, go = stop.nonzero().squeeze(1), (~stop).nonzero().squeeze(1)
            residual, steps = worst / torch.where(scale > 0, scale, 1), torch.full_like(index, step)
            for whole, part in zip(out, (now.u, now.i, residual, arrived, steps), strict=True):
                whole.index_copy_(0, index[end], part.index_select(0, end))
            now, e = now.take(go), e.index_select(0, go)
            index, scale, worst = index[go], scale[go], worst[go]
        if len(index) == 0:
            break
        s = _slope(law, now.u, now.g)
        dy, du = _linear(s, e, wires)
        now, stuck = _step(now, du, dy, worst, wires, law)
    return out


def _start(v: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw) -> tuple[_Samples, Tensor]:
    """The linear array; where its devices would carry far more than its wires, one of stiffer devices. Also |v|."""
    line, rest = engine(g).drops, torch.zeros_like(g)
    i_rest = law.current(rest, g)
    _require_current(law, i_rest, g)
    s_rest = _slope(law, rest, g)
    now, left = _Samples(g, v, rest, rest, rest), torch.arange(len(g), device=g.device)
    for trial in range(_TRIALS):
        some, i, s = now.take(left), i_rest.index_select(0, left), _STEEP**trial * s_rest.index_select(0, left)
        e = i + s * some.v
        y, du = _linear(s, e, wires)
        u = some.v + du
        i = law.current(u, some.g)
        if len(left) == len(g):
            now = some._replace(u=u, y=y, i=i)
        else:
            now.put(left, some._replace(u=u, y=y, i=i))
        left = left[~(_largest(i) <= _STEEP * _largest(y)) & (_largest(s) > 0)]
        if len(left) == 0:
            break
    return now, _largest(v - line(i_rest, wires))


def _linear(s: Tensor, e: Tensor, wires: Wires) -> tuple[Tensor, Tensor]:
    """dy = e + s du and du = -Z dy. A loose solution will do, if it is one: a stiff array may need more digits."""
    respond, line = engine(s).respond, engine(s).drops
    guess = respond(s, e, wires, _INNER_RTOL, _INNER_STEPS)
    dy = e + s * guess
    du = -line(dy, wires)
    loose = (~(_largest(du - guess) <= _LOOSE * _largest(du))).nonzero().squeeze(1)
    if len(loose):
        s, e = s.index_select(0, loose), e.index_select(0, loose)
        better = e + s * respond(s, e, wires, _STIFF_RTOL, _INNER_STEPS)
        dy.index_copy_(0, loose, better)
        du.index_copy_(0, loose, -line(better, wires))
    return dy, du


def _step(
    now: _Samples, du: Tensor, dy: Tensor, worst: Tensor, wires: Wires, law: AbstractDeviceLaw
) -> tuple[_Samples, Tensor]:
    """Walk each sample's Newton step until E is much flatter; also tells which samples found no such point."""
    steepness = -_dot(du, now.i - now.y)  # of E, downhill
    new, slope = _walk(now, du, dy, torch.ones_like(worst), law)
    good = slope.abs() <= _FLATTER * steepness
    if not good.all():  # close to the end E is flat to rounding, and the residual the better guide
        good |= _largest(engine(du).drops(new.i - new.y, wires)) <= worst / 2
    length, low, high = torch.ones_like(worst), torch.zeros_like(worst), torch.full_like(worst, torch.inf)
    left = (~good & (steepness > 0)).nonzero().squeeze(1)
    stuck = ~good
    for _ in range(_TRIALS):
        if len(left) == 0:
            break
        beyond = ~(slope < 0)  # past the least value, or where an exponential has left the numbers
        high[left] = torch.where(beyond, length, high)[left]
        low[left] = torch.where(beyond, low, length)[left]
        length[left] = torch.where(torch.isinf(high), 2 * length, (low + high) / 2)[left]
        ways = du.index_select(0, left), dy.index_select(0, left)
        trial, slope[left] = _walk(now.take(left), *ways, length[left], law)
        new.put(left, trial)
        stuck[left] = ~(slope.abs() <= _FLATTER * steepness)[left]
        left = left[stuck[left]]
    end = stuck.nonzero().squeeze(1)
    new.put(end, now.take(end))
    return new, stuck


def _walk(now: _Samples, du: Tensor, dy: Tensor, length: Tensor, law: AbstractDeviceLaw) -> tuple[_Samples, Tensor]:
    """Each sample moved by its length along its step, and the slope of E there."""
    far = length[:, None, None]
    u, y = now.u + far * du, now.y + far * dy
    i = law.current(u, now.g)
    return now._replace(u=u, y=y, i=i), _dot(du, i - y)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(2).sum(1)


def _largest(a: Tensor) -> Tensor:
    return a.abs().amax((1, 2))


def _rounding(now: _Samples, wires: Wires, law: AbstractDeviceLaw) -> Tensor:
    """What Z e cannot be known below: u carries the rounding of v, device currents s times that, wires add them up."""
    _, rows, cols = now.u.shape
    size = now.i.abs() + law.slope(now.u, now.g) * now.v.abs().amax(1, keepdim=True)
    along_row = (wires.driver_ohm + (cols - 1) * wires.row_ohm) * size.sum(2).amax(1)
    along_col = (wires.sense_ohm + (rows - 1) * wires.col_ohm) * size.sum(1).amax(1)
    return _ULPS * (along_row + along_col)


def _slope(law: AbstractDeviceLaw, u: Tensor, g: Tensor) -> Tensor:
    s = law.slope(u, g)
    lowest, highest = torch.aminmax(s)
    if not (lowest >= 0 and highest < torch.inf):
        raise ValueError(
            f"`law` {type(law).__name__}: `slope` runs from {lowest.item():g} to {highest.item():g} S; "
            "a device current must not fall as the voltage rises, and its slope must be finite"
        )
    return s


def _require_current(law: AbstractDeviceLaw, i: Tensor, g: Tensor) -> None:
    if i.shape != g.shape or i.dtype != g.dtype:
        raise ValueError(
            f"`law` {type(law).__name__}: `current` must return {g.dtype} of the shape of `v`, {tuple(g.shape)}, "
            f"got {i.dtype} of {tuple(i.shape)}; act cell by cell"
        )
    if not torch.isfinite(i).all():
        raise ValueError(f"`law` {type(law).__name__}: `current` must be finite at 0 V, got NaN or infinity")
