"""A thing is its configuration: frozen, validated at birth, hashable, equal to itself after a trip through JSON.

Every configuration of wordline (a device, a crossbar, an attack) is a frozen dataclass that derives from `Value`. The
class name is the registry key, so a user's own subclass loads from JSON as soon as its module is imported.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from abc import ABCMeta
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, Self, TypeVar

import numpy as np
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")


class _Made(ABCMeta):
    """How values are made: numbers of numpy become Python's, and a field that wants its name is told so."""

    if not TYPE_CHECKING:  # a type checker reads the fields

        def __call__(cls, *given: Any, **named: Any) -> Any:
            if given and cls._named_as:
                said = ", ".join(map(repr, given))
                raise TypeError(
                    f"`{cls.__name__}` takes its numbers by name, got {cls.__name__}({said}); write {cls._named_as}"
                )
            plain = (as_plain(value, f"argument {n} of {cls.__name__}") for n, value in enumerate(given, 1))
            return super().__call__(*plain, **{name: as_plain(value, name) for name, value in named.items()})


class Value(metaclass=_Made):
    """Base of every configuration; subclasses are `@dataclass(frozen=True)`.

    Numbers, truth values and words of numpy, arrays and tensors of one number and no dimension, also inside tuples,
    are held as Python's own, so that equality, hashes and JSON do not depend on where a number came from.

    >>> from wordline.circuits import Wires
    >>> Wires.from_json(Wires(row_ohm=5.0).to_json()) == Wires(row_ohm=5.0)
    True
    """

    _registry: ClassVar[dict[str, type[Value]]] = {}
    former_names: ClassVar[tuple[str, ...]] = ()  # under which files written earlier know it
    _named_as: ClassVar[str] = ""  # of a value whose fields must be named: how it is written

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in (cls.__name__, *vars(cls).get("former_names", ())):
            known = Value._registry.get(name)
            if known is not None and known.__module__ != cls.__module__:
                raise ValueError(
                    f"`{name}` is the name of a value of {known.__module__} and of {cls.__module__}; "
                    "rename one, for JSON could not tell them apart"
                )
            Value._registry[name] = cls

    def to_json(self) -> str:
        """One line of JSON, keys in the order of the fields; `"type"` names the class."""
        return json.dumps(encode(self), allow_nan=False)

    def identity(self) -> str:
        """JSON without the fields that have their default: what a hash is taken of.

        A field that a later version adds, with a default that changes nothing, leaves the identity as it was.
        """
        return json.dumps(encode(self, defaults=False), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The value that `to_json` wrote; refuses text that is not JSON, unknown types and unknown fields."""
        try:
            plain = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"`text` is not JSON ({error}); pass what `to_json()` wrote") from error
        value = decode(plain)
        if not isinstance(value, cls):
            raise ValueError(f"`text` holds a {type(value).__name__}, not a {cls.__name__}")
        return value


def encode(value: Any, *, defaults: bool = True) -> Any:
    """Plain JSON data for a value: dataclass -> tagged dict, tuple -> list, non-finite float -> tagged text."""
    if isinstance(value, Value):
        fields = {
            f.name: _field(f, getattr(value, f.name), defaults)
            for f in dataclasses.fields(value)  # type: ignore[arg-type]
            if defaults or not _is_default(f, getattr(value, f.name))
        }
        return {"type": type(value).__name__, **fields}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, tuple | list):
        return [encode(item, defaults=defaults) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item, defaults=defaults) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"`value` of type {type(value).__name__} has no JSON form; use numbers, text, tuples and `Value`s")


def _is_default(field: dataclasses.Field[Any], value: Any) -> bool:
    if field.default is not dataclasses.MISSING:
        return type(value) is type(field.default) and bool(value == field.default)
    return field.default_factory is not dataclasses.MISSING and bool(value == field.default_factory())


def _field(field: dataclasses.Field[Any], value: Any, defaults: bool) -> Any:
    """Equal values have equal text: an int in a field of floats is written as the float that it equals."""
    floating = str(getattr(field.type, "__name__", field.type)).startswith("float")
    return encode(float(value) if floating and type(value) is int else value, defaults=defaults)


def decode(plain: Any) -> Any:
    """The inverse of `encode`; lists come back as tuples."""
    if isinstance(plain, list):
        return tuple(decode(item) for item in plain)
    if not isinstance(plain, dict):
        return plain
    if set(plain) == {"float"}:
        return float(plain["float"])
    if "type" not in plain:
        return {key: decode(item) for key, item in plain.items()}
    name = plain["type"]
    if name not in Value._registry:
        raise ValueError(f"`type` is {name!r}, which is not a known value; import the module that defines it first")
    cls = Value._registry[name]
    given = {key: decode(item) for key, item in plain.items() if key != "type"}
    known = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(given) - known):
        raise ValueError(f"`{unknown[0]}` is not a field of {name}; its fields are {', '.join(sorted(known))}")
    return cls(**given)


def as_plain(value: Any, name: str = "value") -> Any:
    """Python's own number, truth value or text for one of numpy or torch; anything else as it is.

    Raises `TypeError` for a tensor that a gradient flows from: a configuration would stop it.

    >>> as_plain(np.float64(0.5)), as_plain((np.int64(3), np.bool_(True))), as_plain(np.array(2))
    (0.5, (3, True), 2)
    """
    if type(value) is tuple:
        return tuple(as_plain(item, name) for item in value)
    if isinstance(value, np.floating):
        return float(value)
    if isinstance(value, np.integer | np.bool_ | np.str_) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    if isinstance(value, Tensor) and value.ndim == 0:
        if value.requires_grad:
            raise TypeError(f"`{name}` is a tensor with a gradient, which would stop here; pass `{name}.item()`")
        return value.item()
    return value


def takes_numbers(function: Callable[P, R]) -> Callable[P, R]:
    """Hand a function Python's own numbers for those of numpy: a seed is part of a text that is hashed."""

    @functools.wraps(function)
    def called(*given: P.args, **named: P.kwargs) -> R:
        plain = {name: as_plain(value, name) for name, value in named.items()}
        return function(*(as_plain(value) for value in given), **plain)

    return called


def require_number(
    name: str,
    value: float,
    *,
    at_least: float = -math.inf,
    above: float = -math.inf,
    at_most: float = math.inf,
    finite: bool = True,
) -> None:
    """Refuse what is not a number in the given range, naming the argument, what came and what to do."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"`{name}` must be a number, got {value!r} of type {type(value).__name__}")
    if math.isnan(value) or (finite and math.isinf(value)):
        raise ValueError(f"`{name}` must be a finite number, got {value}")
    if value < at_least:
        raise ValueError(f"`{name}` must be at least {at_least:g}, got {value:g}")
    if value <= above:
        raise ValueError(f"`{name}` must be greater than {above:g}, got {value:g}")
    if value > at_most:
        raise ValueError(f"`{name}` must be at most {at_most:g}, got {value:g}")


def require_integer(name: str, value: int, *, at_least: int) -> None:
    """Refuse what is not a whole number of at least `at_least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"`{name}` must be a whole number, got {value!r} of type {type(value).__name__}")
    if value < at_least:
        raise ValueError(f"`{name}` must be at least {at_least}, got {value}")


def require_instance(name: str, value: object, kind: type | tuple[type, ...]) -> None:
    """Refuse a value of another type."""
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(k.__name__ for k in kinds)
        raise TypeError(f"`{name}` must be {wanted}, got {value!r} of type {type(value).__name__}")


def require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a word that is not among the choices."""
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {', '.join(map(repr, choices))}, got {value!r}")
