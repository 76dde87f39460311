"""Configurations and results as values: frozen, validated, hashable, with a JSON form."""

from .checks import require_choice, require_instance, require_integer, require_number
from .json_codec import decode, encode, is_known
from .python_numbers import takes_numbers
from .value import Value

__all__ = [
    "Value",
    "decode",
    "encode",
    "is_known",
    "require_choice",
    "require_instance",
    "require_integer",
    "require_number",
    "takes_numbers",
]
