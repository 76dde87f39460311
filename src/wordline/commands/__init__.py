"""The commands of the command line by name; a command's module is imported when it is chosen.

A module declares options with types of Python alone, and its functions import what they run: help
and complaints about arguments come at once, without torch.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import NamedTuple


class Command(NamedTuple):
    """A function of a module of this package, and its first line for `wordline --help`."""

    module: str
    function: str
    summary: str

    def load(self) -> Callable[..., None]:
        """Import the module and return the function."""
        module = importlib.import_module(f".{self.module}", __name__)
        function: Callable[..., None] = getattr(module, self.function)
        return function


COMMANDS = {
    "quickstart": Command(
        "quickstart", "quickstart", "Run a small study of the embedded digits: table, figure, page."
    ),
    "train": Command("train", "train", "Train a network; write NAME.safetensors and NAME.json."),
    "show": Command("crossbars", "show", "Explain a crossbar in words and units, with its NF."),
    "map": Command(
        "crossbars", "map_", "Map a network onto a crossbar and print the chip's report."
    ),
    "evaluate": Command(
        "evaluate",
        "evaluate",
        "Measure accuracy in software, under transfer (SH) and white-box (HH).",
    ),
    "certify": Command(
        "certify", "certify",
        "Certify accuracy over L2 radii by the output noise of a chip's first layer.",
    ),
    "audit": Command(
        "audit", "audit", "Check a chip's robustness by some thirty checks and controls."
    ),
    "deviation": Command(
        "audit", "deviation", "Compare the chip's input gradients with the software's."
    ),
    "curve": Command("audit", "curve", "Measure accuracy under white-box PGD at growing eps."),
    "stability": Command("stability", "stability", "Measure noise stability layer by layer."),
    "advise": Command("advise", "advise", "Compare crossbars by accuracy, robustness and cost."),
    "quanos": Command("quanos", "quanos", "Choose bits layer by layer from noise sensitivity."),
    "study": Command(
        "study", "study", "Run the cells of a study that its folder does not hold yet."
    ),
    "report": Command("report", "report", "Write tables and figures of finished results."),
    "surrogate": Command(
        "crossbars", "surrogate", "Fit a fast surrogate of arrays with curved I-V."
    ),
    "check": Command("check", "check", "Check solver, gradients and attacks on this machine."),
}

__all__ = ["COMMANDS", "Command"]
