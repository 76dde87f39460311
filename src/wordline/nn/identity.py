"""Which chip the numbers of a state belong to: carried with them, and read before one of them is copied."""

from __future__ import annotations

import abc
import copy
import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from ..mapping import Crossbar
from ..values import decode, encode
from .choice import Choice, Overrides
from .mapped_layer import MappedLayer
from .read_noise import stream_seed
from .views import references

_KEY = "_extra_state"
_HOW = ("one with map_model", "as many with map_chips")
_NAMED = 3  # tensors that a message lists
_LOST = "on images that the state does not name"  # of states that were saved before calibration was kept


class AbstractMapped(nn.Module, abc.ABC):
    """A network on arrays that becomes what it loads: one chip, or several of one network.

    Its state carries seeds, crossbar, overrides, what stayed digital, on what converters were calibrated, and of every
    layer where its stream of read noise stands and how many conversions were counted. A state is taken whole or not at
    all, whatever `strict` says and in whichever module the chip stands: RuntimeError, with nothing changed, for one
    that names no chip, and for one of other names or shapes of tensors than this chip has. Another precision is cast,
    as `Tensor.to` does.
    """

    seeds_are: ClassVar[str]  # the attribute that holds the seed of a chip, or the seeds of several
    model: nn.Module
    crossbar: Crossbar
    skipped: tuple[tuple[str, str], ...]
    overrides: Overrides
    calibration: str

    @abc.abstractmethod
    def _samples(self) -> Iterator[tuple[str, int, MappedLayer]]:
        """Every mapped layer with its name in the software network and the seed of its chip."""

    def get_extra_state(self) -> Tensor:
        """Which chip this is, as bytes in a tensor, so that a state dict carries the identity with the numbers."""
        layers = [
            (name, seed, layer.stream_seed, layer.noise.seed, layer.noise.reads, *layer.tally.counts)
            for name, seed, layer in self._samples()
        ]
        who = {name: getattr(self, name) for name in (self.seeds_are, "crossbar", "overrides", "skipped", "calibration")}
        return torch.frombuffer(bytearray(json.dumps(encode({**who, "layers": layers})).encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Become the chip whose numbers are being loaded."""
        who = _read(state)
        setattr(self, self.seeds_are, who[self.seeds_are])
        self.crossbar, self.overrides = who["crossbar"], who["overrides"]
        self.skipped = who.get("skipped", self.skipped)
        choice = Choice(overrides=self.overrides)
        measured = any(crossbar.calibrated for crossbar in (self.crossbar, *dict(self.overrides).values()))
        self.calibration = who.get("calibration", _LOST if measured else "")
        kept = {(name, seed): rest for name, seed, *rest in who.get("layers", ())}
        for name, seed, layer in self._samples():
            stream = stream_seed(seed, name)
            layer.become(choice.crossbar_of(name, self.crossbar), *kept.get((name, seed), (stream, stream, 0, 0, 0)))

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, local_metadata: Any, strict: bool, missing_keys: list[str],
        unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        """Look at all that is to be loaded into this chip before torch copies the first of it."""
        given = {name[len(prefix) :]: value for name, value in state_dict.items() if name.startswith(prefix)}
        if given and (why := self._why_not(given)):
            kind = type(self).__name__
            raise RuntimeError(f"`state_dict` cannot be loaded into this {kind}, which is unchanged: {why}")
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

    def _why_not(self, given: Mapping[str, Any]) -> str:
        """Why a state would not make this the chip that was saved; empty where it would."""
        if _KEY not in given:
            return (
                f"it does not say of which chip it is (no {_KEY!r}); save state_dict() of a whole chip, and load digital "
                "layers alone into the modules that they are"
            )
        who = _read(given[_KEY])
        if self.seeds_are not in who:
            return f"it is of {'one chip' if 'seed' in who else 'several chips'}; map {_HOW[self.seeds_are == 'seed']}"
        here, there = getattr(self, self.seeds_are), who[self.seeds_are]
        if isinstance(here, tuple) and len(here) != len(there):
            return f"it is of {len(there)} chips, this is of {len(here)}; map as many"
        wrong = _misfits(self.model, {name: value for name, value in given.items() if name != _KEY})
        named = {name for name, *_ in who.get("layers", ())} ^ {name for name, _, _ in self._samples()}
        if "layers" in who and named:
            wrong.append(f"layer {min(named)!r} is mapped in one of the two")
        if not wrong:
            return ""
        more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        return (
            f"{'; '.join(wrong[:_NAMED])}{more}. {_difference(who['crossbar'], self.crossbar)}. Map the same network "
            "onto the crossbar of the state first, with the same `only`, `exclude`, `overrides` and `trainable`"
        )


def _read(state: object) -> dict[str, Any]:
    """What a chip said of itself when it was saved."""
    try:
        who = decode(json.loads(bytes(cast(Tensor, state).tolist()).decode()))
        if isinstance(who["crossbar"], Crossbar) and {"seed", "seeds"} & who.keys() and "overrides" in who:
            return cast(dict[str, Any], who)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RuntimeError(f"`state_dict` holds an {_KEY!r} that no chip can read: {error}") from error
    raise RuntimeError(f"`state_dict` holds an {_KEY!r} that no chip wrote; save state_dict() of a chip")


def _misfits(model: nn.Module, given: Mapping[str, Any]) -> list[str]:
    """What torch would complain of, and tensors that could not be copied: found on a copy without numbers."""
    inside = {name.removeprefix("model."): value for name, value in given.items() if name.startswith("model.")}
    wrong = [f"unexpected {name}" for name in given if not name.startswith("model.")]
    tensors = {name: value.detach() for name, value in inside.items() if isinstance(value, Tensor)}
    kept = [value for holder in references(model) for value in holder[1] if isinstance(value, Tensor)]
    memo: dict[int, Any] = {}
    for own in (*model.parameters(), *model.buffers(), *kept):
        if not nn.parameter.is_lazy(own):
            blank = torch.empty_like(own, device="meta")
            memo[id(own)] = nn.Parameter(blank, own.requires_grad) if isinstance(own, nn.Parameter) else blank
    empty = copy.deepcopy(model, memo)
    try:
        names = empty.load_state_dict({**inside, **tensors}, strict=False, assign=True)
        wrong += [f"missing {name}" for name in names.missing_keys]
        wrong += [f"unexpected {name}" for name in names.unexpected_keys]
    except RuntimeError as error:
        wrong += [line.strip().rstrip(".") for line in str(error).splitlines()[1:]]
    for name, own in model.state_dict(keep_vars=True).items():
        value = tensors.get(name)
        if value is None or not isinstance(own, Tensor):
            continue
        if (own.is_floating_point(), own.is_complex()) != (value.is_floating_point(), value.is_complex()):
            wrong.append(f"{name} is of {value.dtype}, here {own.dtype}")
        if value.is_meta and not own.is_meta:
            wrong.append(f"{name} holds no numbers (device meta)")
        if own.is_inference() and not torch.is_inference_mode_enabled():
            wrong.append(f"{name} was made in inference mode here and cannot be changed outside")
    return wrong


def _difference(there: Crossbar, here: Crossbar) -> str:
    """In which fields two crossbars differ."""
    pairs = {
        field.name: (getattr(there, field.name), getattr(here, field.name)) for field in dataclasses.fields(Crossbar)
    }
    told = [f"{name} {theirs!r}, here {ours!r}" for name, (theirs, ours) in pairs.items() if theirs != ours]
    return f"The state is of a crossbar of {'; '.join(told)}" if told else "The crossbars are equal"
