"""State dicts as people keep them, under a key or behind a prefix, fitted to a network where every name fits.

A file may hold `{"state_dict": ..., "epoch": 3}`, `{"net": ...}`, `{"model": ..., "model_ema": ...}` and so on: each
mapping from names to tensors in it is tried. Prefixes that all of its names share (`module.`, `model.`, `net.`, and
several at once) and the parts that DataParallel (`module`) and `torch.compile` (`_orig_mod`) put into names are taken
off only where every name then is one of the network's, and none is missing. Counts of batches
(`num_batches_tracked`), which old files lack, keep the network's value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

WRAPPERS = ((), ("_orig_mod",), ("module",), ("_orig_mod", "module"))
DEEPEST, SHOWN = 4, 3
COUNTS = "num_batches_tracked"


def state_dicts(content: object, key: str = "", depth: int = DEEPEST) -> dict[str, dict[str, Tensor]]:
    """Every mapping from names to tensors in what a file holds, by the keys that lead to it; the file itself is "".

    >>> found = state_dicts({"net": {"weight": torch.ones(1)}, "ema": {"weight": torch.ones(1)}, "epoch": 3})
    >>> list(found)
    ['net', 'ema']
    """
    if not isinstance(content, Mapping) or depth == 0 or not all(isinstance(name, str) for name in content):
        return {}
    here = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    found = {key: here} if here else {}
    for name, value in content.items():
        found |= state_dicts(value, f"{key}.{name}" if key else name, depth - 1)
    return found


def chosen(states: dict[str, dict[str, Tensor]], key: str, source: str) -> dict[str, dict[str, Tensor]]:
    """The one under a key, or the names of a flat file behind that prefix; ValueError naming the keys there are."""
    below = {name.removeprefix(f"{key}."): t for name, t in states.get("", {}).items() if name.startswith(f"{key}.")}
    found = states.get(key) or below
    if not found:
        keys = ", ".join(repr(name) for name in states if name) or "none"
        raise ValueError(f"`weights` {source!r} has nothing under {key!r}; its keys with tensors are {keys}")
    return {key: found}


@dataclass(frozen=True)
class Fit:
    """A state dict in the names of a network, and what does not fit: names, and shapes in words."""

    key: str
    state: dict[str, Tensor]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    shapes: tuple[str, ...]

    @classmethod
    def of(cls, key: str, state: dict[str, Tensor], wanted: dict[str, Any]) -> Fit:
        """Of a state under its names as they are; what of `wanted` is no tensor is left to the network itself."""
        needed = {name for name, value in wanted.items() if isinstance(value, Tensor)}
        missing = sorted(name for name in needed - state.keys() if name.rpartition(".")[2] != COUNTS)
        shapes = [
            f"{name!r} is {tuple(state[name].shape)}, the network's is {tuple(wanted[name].shape)}"
            for name in sorted(needed & state.keys())
            if not is_lazy(wanted[name]) and state[name].shape != wanted[name].shape
        ]
        return cls(key, state, tuple(missing), tuple(sorted(state.keys() - needed)), tuple(shapes))

    @property
    def off(self) -> int:
        """The number of names that do not fit; 0 where all do."""
        return len(self.missing) + len(self.unexpected) + len(self.shapes)

    def __str__(self) -> str:
        words = [
            f"it {what} {_listed([repr(name) for name in names])}"
            for what, names in (("lacks", self.missing), ("has the unexpected", self.unexpected))
            if names
        ]
        return "; ".join([*words, _listed(self.shapes)] if self.shapes else words)


def fitted(model: nn.Module, states: dict[str, dict[str, Tensor]], source: str) -> dict[str, Tensor]:
    """The one of these states that fits a network, in its names.

    Raises ValueError where none does, listing what is missing, unexpected or of another shape in the nearest one, and
    where several of different content do, naming them.
    """
    wanted = model.state_dict()
    fits = [_best(key, state, wanted) for key, state in states.items()]
    exact = [fit for fit in fits if fit.off == 0]
    for fit in exact[1:]:
        if not _equal(exact[0].state, fit.state):
            one, other = exact[0].key, fit.key
            raise ValueError(
                f"`weights` {source!r} holds two states that fit the network, under {one!r} and {other!r}; choose by "
                f"{f'{source}:{one}'!r} or {f'{source}:{other}'!r}"
            )
    if exact:
        return exact[0].state
    nearest = min(fits, key=lambda fit: fit.off, default=Fit.of("", {}, wanted))
    under = f" under {nearest.key!r}" if nearest.key else ""
    raise ValueError(f"`weights` {source!r}{under} does not fit the network: {nearest}")


def _best(key: str, state: dict[str, Tensor], wanted: dict[str, Any]) -> Fit:
    """The first renaming by which everything fits; otherwise the one by which most does."""
    fits = [Fit.of(key, state, wanted)]
    for names in _renamed(list(state)):
        fit = Fit.of(key, dict(zip(names, state.values(), strict=True)), wanted)
        if fit.off == 0:
            return fit
        fits.append(fit)
    return min(fits, key=lambda fit: fit.off)  # of equals the first, whose names are the file's own


def _renamed(names: list[str]) -> Iterator[list[str]]:
    """The names as they are, without each prefix that all share, and both without what wrappers put between."""
    for wrappers in WRAPPERS:
        parts = [[part for part in name.split(".") if part not in wrappers] for name in names]
        while parts and all(parts) and len(set(map(tuple, parts))) == len(names):
            yield [".".join(name) for name in parts]
            if len({name[0] for name in parts}) > 1 or any(len(name) == 1 for name in parts):
                break
            parts = [name[1:] for name in parts]


def _equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def _listed(names: Collection[str]) -> str:
    """The first name, how many more there are, and the next few of them."""
    first, *more = names
    if not more:
        return first
    rest = ", ".join(more[: SHOWN - 1]) + (", ..." if len(more) >= SHOWN else "")
    return f"{first} and {len(more)} more ({rest})"
