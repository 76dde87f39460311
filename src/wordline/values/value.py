"""The base class of every configuration and result.

A thing is its configuration: a frozen dataclass, validated when it is made, hashable, and equal to
itself after a trip through JSON. Every device, crossbar and attack of wordline derives from
`Value`, and so can a user's own: its class name is its tag in JSON, known as soon as its module is
imported.
"""

from __future__ import annotations

import json
from abc import ABCMeta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .json_codec import Tagged, decode, encode
from .python_numbers import python_number


class _ValueMeta(ABCMeta):
    """Convert numpy's numbers at construction, and refuse physical numbers without a name."""

    if not TYPE_CHECKING:  # a type checker reads the fields

        def __call__(cls, *args: Any, **named: Any) -> Any:
            if args and cls._named_as:
                given = ", ".join(map(repr, args))
                raise TypeError(
                    f"`{cls.__name__}` takes its numbers by name, got {cls.__name__}({given}); "
                    f"write {cls._named_as}"
                )
            by_place = (
                python_number(value, f"argument {n} of {cls.__name__}")
                for n, value in enumerate(args, 1)
            )
            by_name = {name: python_number(value, name) for name, value in named.items()}
            return super().__call__(*by_place, **by_name)


class Value(Tagged, metaclass=_ValueMeta):
    """Base of every configuration; subclasses are `@dataclass(frozen=True)`.

    Numbers, truth values and strings of numpy, arrays and tensors of one number and no dimension,
    also inside tuples, are held as Python's own, so that equality, hashes and JSON do not depend
    on where a number came from.

    >>> from wordline.circuits import Wires
    >>> Wires.from_json(Wires(row_ohm=5.0).to_json()) == Wires(row_ohm=5.0)
    True
    """

    _named_as: ClassVar[str] = ""  # example call of a class whose fields must be named

    def to_json(self) -> str:
        """Write one line of JSON, keys in the order of the fields; `"type"` names the class."""
        return json.dumps(encode(self), allow_nan=False)

    def identity(self) -> str:
        """Write JSON without the fields that have their default: the text that hashes are taken of.

        A field that a later version adds, with a default that changes nothing, leaves the
        identity as it was.
        """
        return json.dumps(encode(self, defaults=False), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the value that `to_json` wrote.

        Raises ValueError for text that is not JSON, unknown types and unknown fields.
        """
        try:
            plain = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"`text` is not JSON ({error}); pass what `to_json()` wrote"
            ) from error
        value = decode(plain)
        if not isinstance(value, cls):
            raise ValueError(f"`text` holds a {type(value).__name__}, not a {cls.__name__}")
        return value
