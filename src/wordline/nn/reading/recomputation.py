"""Random draws of passes that checkpointing computes again."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import torch
from torch.utils.checkpoint import CheckpointFunction

_FIRST, _AGAIN = CheckpointFunction.forward.__code__, CheckpointFunction.backward.__code__
_FILE = _FIRST.co_filename
_LOCK = threading.Lock()
# A region whose inputs alone are kept (an object of torch) -> what was drawn in its first pass.
_DRAWN: weakref.WeakKeyDictionary[Any, _Drawn] = weakref.WeakKeyDictionary()
_UNKNOWN = (
    "read noise was asked for inside a backward pass, by something that computes a part of the "
    "network again and is not known to have done so before; compute with noise that stands still "
    "(`chip.frozen(seed)`), or without recomputation"
)


class _Drawn:
    """Draws of a region's first pass in order, and how many of them each recomputation has had."""

    def __init__(self) -> None:
        self.draws: list[int] = []
        self.again: dict[Any, int] = {}


def draw_once(draw: Callable[[], int]) -> int:
    """Call `draw()`, or in a region that is computed again repeat what it drew there before.

    Regions are those of `torch.utils.checkpoint`, reentrant or not, nested in any way. They are
    found on the stack of calls, which holds the object that torch keeps for each; in a region that
    is computed again, reads come in the order of its first pass. No draw is handed out twice,
    whatever the number of threads.

    Raises RuntimeError inside a backward pass where no region is found, or one that drew less
    before.
    """
    regions, again = [], None
    for region, run in _regions(sys._getframe(1)):
        if run is not None:
            again = region, run
            break  # what is around it called for a gradient, and does not contain this pass
        regions.append(region)
    if again is None and torch._C._current_graph_task_id() != -1:
        raise RuntimeError(_UNKNOWN)
    with _LOCK:
        drawn = draw() if again is None else _next_of(*again)
        for region in regions:
            _DRAWN.setdefault(region, _Drawn()).draws.append(drawn)
    return drawn


def _next_of(region: Any, run: Any) -> int:
    known = _DRAWN.get(region, _Drawn())
    place = known.again.get(run, 0)
    if place >= len(known.draws):
        raise RuntimeError(_UNKNOWN)
    known.again[run] = place + 1
    return known.draws[place]


def _regions(frame: FrameType | None) -> Iterator[tuple[Any, Any]]:
    """Yield the regions around a call, innermost first.

    Of each torch's object, and which recomputation it is; None in the first pass.
    """
    while frame is not None:
        code = frame.f_code
        if code.co_filename == _FILE:
            there = frame.f_locals
            if code is _AGAIN:
                yield there["ctx"], torch._C._current_graph_task_id()
            elif code is _FIRST:
                yield there["ctx"], None
            elif code.co_name == "unpack_hook" and {"frame", "gid"} <= there.keys():
                yield there["frame"], there["gid"]
            elif code.co_name == "checkpoint" and "gen" in there:
                region = there["gen"].gi_frame.f_locals.get("new_frame")
                if region is not None:
                    yield region, None
        frame = frame.f_back
