"""The identity of a chip in its state dict: saved with the tensors, and checked before a load."""

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
from .abstract_mapped_layer import AbstractMappedLayer, LayerProgress
from .build import MappedNetwork
from .copying.deep_copy import copy_by_state, deep_copy
from .layer_selection import LayerSelection, Overrides
from .state_check import crossbar_difference, state_mismatches

_KEY = "_extra_state"
_LISTED = 3  # mismatches that a message lists
_UNNAMED = "on images that the state does not name"  # saved before calibration was


class AbstractMappedNetwork(nn.Module, abc.ABC):
    """A network on arrays that becomes the chip it loads: one chip, or several of one network.

    Its state carries the seed or seeds, the crossbar, overrides, what stayed digital, the
    calibration data of the converters, and of every layer the position of its stream of read noise
    and its count of conversions. A state is taken whole or not at all, whatever `strict` says and
    whatever module the chip is a part of: RuntimeError, with the chip unchanged, where it names no
    chip, and where its tensors have other names, shapes or kinds of numbers than this chip's.
    Another precision or device is converted, as `Tensor.to` does.
    """

    seed_attribute: ClassVar[str]  # holds the seed of a chip, or the seeds of several
    calibration: str  # the data on which `calibrate` measured converter ranges

    def __init__(self, network: MappedNetwork, crossbar: Crossbar, overrides: Overrides) -> None:
        super().__init__()
        self.model, self.digital_layers = network
        self.crossbar, self.overrides = crossbar, overrides
        self.training = self.model.training
        self.calibration = ""
        self.register_load_state_dict_post_hook(_after_load)

    @abc.abstractmethod
    def layers_with_seeds(self) -> Iterator[tuple[str, int, AbstractMappedLayer]]:
        """Yield every mapped layer: its name in the software network, seed of its chip, layer."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy the chip whole: functions that it holds call the layers of the copy."""
        return cast(Self, deep_copy(self, memo, by=copy_by_state))

    def get_extra_state(self) -> Tensor:
        """Return the chip's identity as bytes in a tensor, which a state dict carries."""
        names = (self.seed_attribute, "crossbar", "overrides", "digital_layers", "calibration")
        identity = {name: getattr(self, name) for name in names}
        layers = self.layers_with_seeds()
        identity["layers"] = [(name, seed, *layer.progress) for name, seed, layer in layers]
        text = json.dumps(encode(identity))
        return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Become the chip whose tensors are being loaded."""
        identity = _identity_in(state)
        setattr(self, self.seed_attribute, identity[self.seed_attribute])
        self.crossbar, self.overrides = identity["crossbar"], identity["overrides"]
        self.digital_layers = identity.get("digital_layers", self.digital_layers)
        crossbars = (self.crossbar, *dict(self.overrides).values())
        measured = any(crossbar.needs_calibration for crossbar in crossbars)
        self.calibration = identity.get("calibration", _UNNAMED if measured else "")
        selection = LayerSelection(overrides=self.overrides)
        saved = {(name, seed): rest for name, seed, *rest in identity.get("layers", ())}
        for name, seed, layer in self.layers_with_seeds():
            stream = stream_seed(seed, name)
            progress = LayerProgress(*saved.get((name, seed), (stream, stream)))
            layer.restore(selection.crossbar_of(name, self.crossbar), progress)

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Check all that is to be loaded into this chip before torch copies the first of it."""
        given = {n.removeprefix(prefix): v for n, v in state_dict.items() if n.startswith(prefix)}
        if given and (why := self._why_not(given)):
            raise RuntimeError(
                f"`state_dict` cannot be loaded into this {type(self).__name__}, which is "
                f"unchanged: {why}"
            )
        if given:
            _expect_whole_state(self, True)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def _why_not(self, given: Mapping[str, Any]) -> str:
        """Say why a state would not make this the chip that was saved; empty where it would."""
        if _KEY not in given:
            return (
                f"it does not say of which chip it is (no {_KEY!r}); save state_dict() of a whole "
                "chip, and load digital layers alone into the modules that they are"
            )
        identity, own = _identity_in(given[_KEY]), getattr(self, self.seed_attribute)
        if "seed" in identity and isinstance(own, tuple):
            return "it is of one chip; load it into that of map_model"
        if "seeds" in identity and not isinstance(own, tuple):
            return "it is of an ensemble; load it into that of map_chips, and take ensemble[k]"
        if isinstance(own, tuple) and len(own) != len(identity["seeds"]):
            return f"it is of {len(identity['seeds'])} chips, this is of {len(own)}; map as many"
        inside = {n.removeprefix("model."): v for n, v in given.items() if n.startswith("model.")}
        wrong = [f"unexpected {n}" for n in given if n != _KEY and not n.startswith("model.")]
        wrong += state_mismatches(self.model, inside)
        if not wrong:
            return ""
        more = f" and {len(wrong) - _LISTED} more" if len(wrong) > _LISTED else ""
        other = crossbar_difference(identity["crossbar"], self.crossbar)
        return (
            f"{'; '.join(wrong[:_LISTED])}{more}. {other}. "
            "Map the same network onto the crossbar of the state, with the same `only`, `exclude`, "
            "`overrides` and `trainable`, and load into that chip"
        )


def _expect_whole_state(chip: AbstractMappedNetwork, whole: bool) -> None:
    for _, _, layer in chip.layers_with_seeds():
        layer.expect_whole_state(whole)


def _after_load(chip: nn.Module, _: object) -> None:
    """Refuse arrays alone again; a layer in two places is loaded twice before."""
    _expect_whole_state(cast(AbstractMappedNetwork, chip), False)


def _identity_in(state: object) -> dict[str, Any]:
    """Decode the identity that a chip saved."""
    try:
        identity = decode(json.loads(bytes(cast(Tensor, state).tolist()).decode()))
        crossbar = isinstance(identity["crossbar"], Crossbar)
        known = crossbar and isinstance(identity["overrides"], tuple)
        if known and ("seed" in identity or "seeds" in identity):
            return cast(dict[str, Any], identity)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RuntimeError(
            f"`state_dict` holds an {_KEY!r} that cannot be read as a chip's: {error}"
        ) from error
    raise RuntimeError(f"`state_dict` holds an {_KEY!r} that is not a chip's")
