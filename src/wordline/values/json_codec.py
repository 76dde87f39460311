"""The JSON form of values: dataclasses as tagged objects, tuples as lists, infinity as text."""

from __future__ import annotations

import dataclasses
import math
from importlib import import_module
from typing import Any, ClassVar


class Tagged:
    """A dataclass that JSON knows by its class name.

    A class that was renamed lists its earlier names in `former_names`, so that files written
    under them can still be read.
    """

    _registry: ClassVar[dict[str, type[Tagged]]] = {}
    former_names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in (cls.__name__, *vars(cls).get("former_names", ())):
            known = Tagged._registry.get(name)
            if known is not None and known.__module__ != cls.__module__:
                raise ValueError(
                    f"`{name}` is the name of a value of {known.__module__} and of "
                    f"{cls.__module__}; rename one, for JSON could not tell them apart"
                )
            Tagged._registry[name] = cls


def encode(value: Any, *, defaults: bool = True) -> Any:
    """Turn a value into plain JSON data; without `defaults`, fields at their default are left out.

    A dataclass becomes an object with the key `"type"`, a tuple a list, and a float that is not
    finite `{"float": "inf"}`. Raises TypeError for what has no JSON form.
    """
    if isinstance(value, Tagged):
        fields = {
            f.name: _encode_field(f, getattr(value, f.name), defaults)
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
    raise TypeError(
        f"`value` of type {type(value).__name__} has no JSON form; "
        "use numbers, text, tuples and `Value`s"
    )


def decode(plain: Any) -> Any:
    """Invert `encode`; lists come back as tuples.

    Raises ValueError for a type that no imported module defines, and for unknown fields.
    """
    if isinstance(plain, list):
        return tuple(decode(item) for item in plain)
    if not isinstance(plain, dict):
        return plain
    if set(plain) == {"float"}:
        return float(plain["float"])
    if "type" not in plain:
        return {key: decode(item) for key, item in plain.items()}
    name = plain["type"]
    if not is_known(name):
        raise ValueError(
            f"`type` is {name!r}, which is not a known value; import the module that defines it "
            "first"
        )
    cls = Tagged._registry[name]
    arguments = {key: decode(item) for key, item in plain.items() if key != "type"}
    known = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(arguments) - known):
        raise ValueError(
            f"`{unknown[0]}` is not a field of {name}; its fields are {', '.join(sorted(known))}"
        )
    return cls(**arguments)


def is_known(name: object) -> bool:
    """Tell if a module defines a value of this class name: one of wordline, or one imported."""
    if not isinstance(name, str):
        return False
    if name not in Tagged._registry and name.isidentifier():
        getattr(import_module("wordline"), name, None)  # the package imports its parts on demand
    return name in Tagged._registry


def _is_default(field: dataclasses.Field[Any], value: Any) -> bool:
    if field.default is not dataclasses.MISSING:
        return type(value) is type(field.default) and bool(value == field.default)
    factory = field.default_factory
    return factory is not dataclasses.MISSING and bool(value == factory())


def _encode_field(field: dataclasses.Field[Any], value: Any, defaults: bool) -> Any:
    """Equal values have equal text: an int in a float's field is written as a float."""
    is_float = str(getattr(field.type, "__name__", field.type)).startswith("float")
    return encode(float(value) if is_float and type(value) is int else value, defaults=defaults)
