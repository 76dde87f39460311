"""State dicts as people keep them, under a key or behind a prefix, fitted to a network.

A file may hold `{"state_dict": ..., "epoch": 3}`, `{"net": ...}`, `{"model": ..., "model_ema":
...}` and so on: each mapping from names to tensors in it is tried. Prefixes that all of its names
share (`module.`, `model.`, `net.`, and several at once) and the parts that DataParallel (`module`)
and `torch.compile` (`_orig_mod`) put into names are taken off only where every name then is one of
the network's, and none is missing. Counts of batches (`num_batches_tracked`), which old files lack,
keep the network's value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

State = dict[str, Tensor]
States = dict[str, State]  # by the keys that lead to them in a file; the file itself is ""

WRAPPERS = ((), ("_orig_mod",), ("module",), ("_orig_mod", "module"))
MAX_DEPTH, MAX_LISTED = 4, 3
COUNT = "num_batches_tracked"


def state_dicts(content: object, key: str = "", depth: int = MAX_DEPTH) -> States:
    """Find every mapping from names to tensors in a file's content, by the keys that lead to it.

    >>> found = state_dicts({"net": {"weight": torch.ones(1)}, "ema": {"weight": torch.ones(1)}})
    >>> list(found)
    ['net', 'ema']
    """
    if not isinstance(content, Mapping) or depth == 0:
        return {}
    if not all(isinstance(name, str) for name in content):
        return {}
    here = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    found = {key: here} if here else {}
    for name, value in content.items():
        found |= state_dicts(value, f"{key}.{name}" if key else name, depth - 1)
    return found


def choose_state(states: States, key: str, source: str) -> States:
    """Select the state under a key, or the names of a flat file behind that prefix.

    Raises ValueError naming the keys that the file has.
    """
    flat, prefix = states.get("", {}), f"{key}."
    below = {name.removeprefix(prefix): t for name, t in flat.items() if name.startswith(prefix)}
    found = states.get(key) or below
    if not found:
        keys = ", ".join(repr(name) for name in states if name) or "none"
        raise ValueError(
            f"`weights` {source!r} has nothing under {key!r}; its keys with tensors are {keys}"
        )
    return {key: found}


def fit_states(model: nn.Module, states: States, source: str) -> State:
    """Return the one of these states that fits a network, under the network's names.

    Raises ValueError where none does, listing the names that are missing, unexpected or of another
    shape in the nearest one; and where several of different content fit, naming them.
    """
    wanted = model.state_dict()
    fits = [_best_fit(key, state, wanted) for key, state in states.items()]
    exact = [fit for fit in fits if fit.misfits == 0]
    for fit in exact[1:]:
        if not _equal(exact[0].state, fit.state):
            one, other = exact[0].key, fit.key
            raise ValueError(
                f"`weights` {source!r} holds two states that fit the network, under {one!r} and "
                f"{other!r}; choose by {f'{source}:{one}'!r} or {f'{source}:{other}'!r}"
            )
    if exact:
        return exact[0].state
    nearest = min(fits, key=lambda fit: fit.misfits, default=_Fit.of("", {}, wanted))
    under = f" under {nearest.key!r}" if nearest.key else ""
    raise ValueError(f"`weights` {source!r}{under} does not fit the network: {nearest}")


@final
@dataclass(frozen=True)
class _Fit:
    """A state dict under the names of a network, and the names and shapes that do not fit."""

    key: str
    state: State
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    shapes: tuple[str, ...]

    @classmethod
    def of(cls, key: str, state: State, wanted: dict[str, Any]) -> _Fit:
        """Compare names as they are; entries of `wanted` that are no tensors are left out."""
        needed = {name for name, value in wanted.items() if isinstance(value, Tensor)}
        absent = (name for name in needed - state.keys() if name.rpartition(".")[2] != COUNT)
        shapes = [
            f"{name!r} is {tuple(state[name].shape)}, the network's is {tuple(wanted[name].shape)}"
            for name in sorted(needed & state.keys())
            if not is_lazy(wanted[name]) and state[name].shape != wanted[name].shape
        ]
        unexpected = sorted(state.keys() - needed)
        return cls(key, state, tuple(sorted(absent)), tuple(unexpected), tuple(shapes))

    @property
    def misfits(self) -> int:
        """Number of names that do not fit; 0 where all do."""
        return len(self.missing) + len(self.unexpected) + len(self.shapes)

    def __str__(self) -> str:
        groups = (("lacks", self.missing), ("has the unexpected", self.unexpected))
        words = [f"it {what} {_list_names([*map(repr, names)])}" for what, names in groups if names]
        return "; ".join([*words, _list_names(self.shapes)] if self.shapes else words)


def _best_fit(key: str, state: State, wanted: dict[str, Any]) -> _Fit:
    """First renaming by which everything fits; otherwise the one by which most does."""
    fits = [_Fit.of(key, state, wanted)]
    for names in _renamings(list(state)):
        fit = _Fit.of(key, dict(zip(names, state.values(), strict=True)), wanted)
        if fit.misfits == 0:
            return fit
        fits.append(fit)
    return min(fits, key=lambda fit: fit.misfits)  # of equals the first: the file's own names


def _renamings(names: list[str]) -> Iterator[list[str]]:
    """Yield the names without each shared prefix, each also without the parts that wrappers add."""
    for wrappers in WRAPPERS:
        parts = [[part for part in name.split(".") if part not in wrappers] for name in names]
        while parts and all(parts) and len(set(map(tuple, parts))) == len(names):
            yield [".".join(name) for name in parts]
            if len({name[0] for name in parts}) > 1 or any(len(name) == 1 for name in parts):
                break
            parts = [name[1:] for name in parts]


def _equal(one: State, other: State) -> bool:
    same_names = one.keys() == other.keys()
    return same_names and all(torch.equal(value, other[name]) for name, value in one.items())


def _list_names(names: Collection[str]) -> str:
    """First name, number of others, and the next few of them."""
    first, *more = names
    if not more:
        return first
    rest = ", ".join(more[: MAX_LISTED - 1]) + (", ..." if len(more) >= MAX_LISTED else "")
    return f"{first} and {len(more)} more ({rest})"
