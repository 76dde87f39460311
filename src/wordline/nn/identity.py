"""Which chip the numbers of a state belong to: carried with them, and read before any is copied."""

from __future__ import annotations

import abc
import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor, nn

from ..mapping import Crossbar
from ..seeds import stream_seed
from ..values import decode, encode
from .choice import Choice, Overrides
from .fitting import difference, misfits
from .mapped_layer import MappedLayer
from .whole_copy import copy_state, whole_copy

_KEY = "_extra_state"
_LISTED = 3  # misfits that a message lists
_LOST = "on images that the state does not name"  # saved before calibration was


class AbstractMapped(nn.Module, abc.ABC):
    """A network on arrays that becomes what it loads: one chip, or several of one network.

    Its state carries the seed or seeds, the crossbar, overrides, what stayed digital, on what
    converters were calibrated, and of every layer where its stream of read noise stands and how
    many conversions were counted. A state is taken whole or not at all, whatever `strict` says and
    whatever module the chip is a part of: RuntimeError, with the chip unchanged, where it names no
    chip, and where its tensors have other names, shapes or kinds of numbers than this chip's.
    Another precision or device is converted, as `Tensor.to` does.
    """

    seeds_are: ClassVar[str]  # the attribute that holds the seed of a chip, or the seeds of several
    model: nn.Module
    crossbar: Crossbar
    skipped: tuple[tuple[str, str], ...]
    overrides: Overrides
    calibration: str

    def __init__(self) -> None:
        super().__init__()
        self.register_load_state_dict_post_hook(_loaded)

    @abc.abstractmethod
    def _samples(self) -> Iterator[tuple[str, int, MappedLayer]]:
        """Every mapped layer, with its name in the software network and the seed of its chip."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy the chip whole: functions that it holds call the layers of the copy."""
        return cast(Self, whole_copy(self, memo, by=copy_state))

    def get_extra_state(self) -> Tensor:
        """Which chip this is, as bytes in a tensor: a state dict carries it with the numbers."""
        names = (self.seeds_are, "crossbar", "overrides", "skipped", "calibration")
        who = {name: getattr(self, name) for name in names}
        who["layers"] = [(name, seed, *layer.standing) for name, seed, layer in self._samples()]
        return torch.frombuffer(bytearray(json.dumps(encode(who)).encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Become the chip whose numbers are being loaded."""
        who = _read(state)
        setattr(self, self.seeds_are, who[self.seeds_are])
        self.crossbar, self.overrides = who["crossbar"], who["overrides"]
        self.skipped = who.get("skipped", self.skipped)
        choice, everywhere = Choice(overrides=self.overrides), dict(self.overrides).values()
        measured = any(crossbar.needs_calibration for crossbar in (self.crossbar, *everywhere))
        self.calibration = who.get("calibration", _LOST if measured else "")
        standing = {(name, seed): rest for name, seed, *rest in who.get("layers", ())}
        for name, seed, layer in self._samples():
            stream = stream_seed(seed, name)
            there = standing.get((name, seed), (stream, stream, 0, 0, 0))
            layer.become(choice.crossbar_of(name, self.crossbar), *there)

    def _load_from_state_dict(
        self,
        state_dict: Mapping[str, Any],
        prefix: str,
        *rest: Any,
    ) -> None:
        """Look at all that is to be loaded into this chip before torch copies the first of it."""
        given = {n.removeprefix(prefix): v for n, v in state_dict.items() if n.startswith(prefix)}
        if given and (why := self._why_not(given)):
            raise RuntimeError(
                f"`state_dict` cannot be loaded into this {type(self).__name__}, which is "
                f"unchanged: {why}"
            )
        if given:
            _announce(self, True)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def _why_not(self, given: Mapping[str, Any]) -> str:
        """Why a state would not make this the chip that was saved; empty where it would."""
        if _KEY not in given:
            return (
                f"it does not say of which chip it is (no {_KEY!r}); save state_dict() of a whole "
                "chip, and load digital layers alone into the modules that they are"
            )
        who, here = _read(given[_KEY]), getattr(self, self.seeds_are)
        if "seed" in who and isinstance(here, tuple):
            return "it is of one chip; load it into that of map_model"
        if "seeds" in who and not isinstance(here, tuple):
            return "it is of an ensemble; load it into that of map_chips, and take ensemble[k]"
        if isinstance(here, tuple) and len(here) != len(who["seeds"]):
            return f"it is of {len(who['seeds'])} chips, this is of {len(here)}; map as many"
        inside = {n.removeprefix("model."): v for n, v in given.items() if n.startswith("model.")}
        wrong = [f"unexpected {n}" for n in given if n != _KEY and not n.startswith("model.")]
        wrong += misfits(self.model, inside)
        if not wrong:
            return ""
        more = f" and {len(wrong) - _LISTED} more" if len(wrong) > _LISTED else ""
        return (
            f"{'; '.join(wrong[:_LISTED])}{more}. {difference(who['crossbar'], self.crossbar)}. "
            "Map the same network onto the crossbar of the state, with the same `only`, `exclude`, "
            "`overrides` and `trainable`, and load into that chip"
        )


def _announce(chip: AbstractMapped, whole: bool) -> None:
    for _, _, layer in chip._samples():
        layer.announce(whole)


def _loaded(chip: nn.Module, _: object) -> None:
    """After a load, arrays may not come alone again; a layer in two places is loaded twice before."""
    _announce(cast(AbstractMapped, chip), False)


def _read(state: object) -> dict[str, Any]:
    """What a chip said of itself when it was saved."""
    try:
        who = decode(json.loads(bytes(cast(Tensor, state).tolist()).decode()))
        known = isinstance(who["crossbar"], Crossbar) and isinstance(who["overrides"], tuple)
        if known and ("seed" in who or "seeds" in who):
            return cast(dict[str, Any], who)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RuntimeError(
            f"`state_dict` holds an {_KEY!r} that cannot be read as a chip's: {error}"
        ) from error
    raise RuntimeError(f"`state_dict` holds an {_KEY!r} that is not a chip's")
