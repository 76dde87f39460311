"""One array by each tool: volts `(inputs, rows)` to amperes `(inputs, cols)`, float64.

All solve one circuit: a word line enters, and a bit line leaves, through one segment of its own.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from benchmarks.machine import table, timed
from benchmarks.rivals import Floats, has_badcrossbar, sparse_lu

from wordline.circuits import Wires, effective_conductance

Solve = Callable[[Floats, Wires, Floats], Floats]
ROW_OHM, COL_OHM, SIZE = 5.0, 10.0, 64
SEGMENTS = Wires(driver_ohm=ROW_OHM, row_ohm=ROW_OHM, col_ohm=COL_OHM, sense_ohm=COL_OHM)
DEFAULT, TIGHT = 1e-3, 1e-6  # CrossSim's error in volts, of full scale, at which it stops
TERMINAL_OHM = 100.0


def wordline(g: Floats, wires: Wires, volts: Floats) -> Floats:
    """Solve the array for its matrix, and multiply."""
    return volts @ effective_conductance(torch.from_numpy(g), wires).numpy()


def lu(g: Floats, wires: Wires, volts: Floats) -> Floats:
    """Factor once; solve for each input, or for each word line where those are fewer."""
    few = len(volts) < len(g)
    return sparse_lu(g, wires, volts) if few else volts @ sparse_lu(g, wires)


def badcrossbar(g: Floats, wires: Wires, volts: Floats) -> Floats:
    """Ask for output currents alone, of all inputs at once."""
    import badcrossbar as theirs

    found = theirs.compute(
        volts.T, 1 / g, r_i_word_line=wires.row_ohm, r_i_bit_line=wires.col_ohm,
        node_voltages=False, all_currents=False,
    )  # fmt: skip
    return np.asarray(found.currents.output)


def crosssim(
    g: Floats, wires: Wires, volts: Floats, tolerance: float = DEFAULT, terminal_ohm: float = 0.0
) -> Floats:
    """Run the circuit solver by itself, without the cores around it, which round to float32."""
    from simulator.circuits.array import NoninterleavedInputSourceArray

    unit = g.max()
    solver = NoninterleavedInputSourceArray(
        crosssim_parameters(1 / unit, wires, tolerance, terminal_ohm)
    )
    one = len(volts) == 1
    found = solver.iterative_solve((g / unit).T, volts[0] if one else volts.T)
    return np.asarray(found * unit).T.reshape(len(volts), -1)


@lru_cache
def crosssim_parameters(on_ohm: float, wires: Wires, tolerance: float, terminal_ohm: float) -> Any:
    """Describe the array; it takes longer than a solve, and is done once."""
    from simulator import CrossSimParameters
    from simulator.backend import ComputeBackend

    ComputeBackend(use_gpu=False)
    parameters = CrossSimParameters()
    parameters.xbar.device.Rmin = on_ohm
    parasitics = parameters.xbar.array.parasitics
    parasitics.enable, parasitics.Rp_row, parasitics.Rp_col = True, wires.row_ohm, wires.col_ohm
    parasitics.Rp_row_terminal = terminal_ohm
    parameters.simulation.Verr_th_mvm = tolerance
    parameters.simulation.hide_convergence_msg = True
    return parameters


def multiply(g: Floats, wires: Wires, volts: Floats) -> Floats:
    """Multiply by the matrix of an array that has been solved before."""
    return volts @ _solved(g.tobytes(), wires, g.shape)


@lru_cache(1)
def _solved(cells: bytes, wires: Wires, shape: tuple[int, int]) -> Floats:
    return wordline(np.frombuffer(cells).reshape(shape).copy(), wires, np.eye(shape[0]))


def tools() -> dict[str, Solve]:
    """The tools that can be imported here, by the name of their row."""
    found: dict[str, Solve] = {"wordline": wordline, "wordline, solved before": multiply}
    if importlib.util.find_spec("simulator"):
        found["CrossSim, defaults"] = crosssim
        found["CrossSim, tolerance 1e-6"] = partial(crosssim, tolerance=TIGHT)
    if has_badcrossbar():
        found["badcrossbar"] = badcrossbar
    return found | {"sparse LU (scipy)": lu}


def report(counts: list[int], limit: float) -> None:
    """Print the time of one array for some numbers of inputs, and the distance from Kirchhoff."""
    generator = np.random.default_rng(0)
    g = 1 / generator.uniform(20e3, 200e3, (SIZE, SIZE))
    volts = generator.uniform(0, 1, (max(counts), SIZE))
    multiply(g, SEGMENTS, volts)  # compiles
    table([row(name, solve, g, (volts, counts, limit)) for name, solve in tools().items()])
    if importlib.util.find_spec("simulator"):
        for line in weak_sides(g, volts[:8]):
            print(line)
        print()


def row(
    name: str, solve: Solve, g: Floats, inputs: tuple[Floats, list[int], float]
) -> dict[str, str]:
    """Milliseconds for the first inputs, and the largest error over the largest current."""
    volts, counts, limit = inputs
    cells, worst, predicted = {"one array, ms": name}, 0.0, 0.0
    for count in counts:
        if predicted * count > limit:
            cells[f"{count:,} inputs"] = f"not run (over {limit:.0f} s)"
            continue
        first, found = timed(partial(solve, g, SEGMENTS, volts[:count]))
        repeats = max(0, min(5, int(limit / 8 / first)))
        again = [timed(partial(solve, g, SEGMENTS, volts[:count]))[0] for _ in range(repeats)]
        shortest = min([first, *again])
        predicted = shortest / count if count > 1 else 0.0
        cells[f"{count:,} inputs"] = (
            f"{shortest * 1e3:,.3g}" if shortest < 1 else f"{shortest * 1e3:,.0f}"
        )
        worst = max(worst, distance(found, lu(g, SEGMENTS, volts[:count])))
    return cells | {"largest error": f"{worst:.0e}"}


def distance(found: Floats, truth: Floats) -> float:
    """Largest difference over the largest current."""
    return float(np.abs(found - truth).max() / np.abs(truth).max())


def weak_sides(g: Floats, volts: Floats) -> Iterator[str]:
    """What a user of CrossSim's circuit solver may meet, each shown by its distance from the LU."""
    errors = (
        f"{distance(crosssim(g, SEGMENTS, volts * top), lu(g, SEGMENTS, volts * top)):.2g} "
        f"up to {top:g}"
        for top in (1.0, 0.1, 0.01, 0.001)
    )
    ideal = distance(crosssim(g, SEGMENTS, volts * 1e-3), volts * 1e-3 @ g)
    yield (
        f"CrossSim, defaults, error by size of the inputs: {', '.join(errors)} "
        f"(there {ideal:.0e} from the product without wires)  "
    )
    driver = Wires(driver_ohm=ROW_OHM + TERMINAL_OHM, row_ohm=ROW_OHM, col_ohm=COL_OHM,
                   sense_ohm=COL_OHM)  # fmt: skip
    found = crosssim(g, SEGMENTS, volts, tolerance=TIGHT, terminal_ohm=TERMINAL_OHM)
    yield (
        f"CrossSim, `Rp_row_terminal` of {TERMINAL_OHM:.0f} ohm: "
        f"{distance(found, lu(g, driver, volts)):.2g} from that resistance in front of each word "
        f"line, {distance(found, lu(g, SEGMENTS, volts)):.2g} from none; wordline with it: "
        f"{distance(wordline(g, driver, volts), lu(g, driver, volts)):.0e}"
    )
