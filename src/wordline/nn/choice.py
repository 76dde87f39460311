"""Which layers go onto arrays, and onto which crossbar: patterns on their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import cast, final

from ..mapping import Crossbar
from ..values import Value, require_instance

_NAMED = 30  # layers that an error lists

_EXCLUDED, _NOT_AMONG = "excluded by ", "not among only="

Overrides = tuple[tuple[str, Crossbar], ...]


@final
@dataclass(frozen=True)
class Choice(Value):
    """What a user asked of single layers.

    A pattern is that of `fnmatch`, case kept: "head", "block?.conv*", "*.q_proj". It means a layer of that name, and
    every layer inside a module of that name. `only`: nothing else is mapped; `exclude`: stays digital, whatever `only`
    says; `overrides`: (pattern, crossbar) pairs, of which the first that matches a layer decides its crossbar.
    """

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    overrides: Overrides = ()

    def __post_init__(self) -> None:
        for name in ("only", "exclude"):
            object.__setattr__(self, name, _patterns(name, getattr(self, name)))
        if not isinstance(self.overrides, Sequence) or isinstance(self.overrides, str):
            raise TypeError(f"`overrides` must be (pattern, crossbar) pairs, got {self.overrides!r}")
        for pair in self.overrides:
            if not isinstance(pair, Sequence) or len(pair) != 2 or not isinstance(pair[0], str):
                raise TypeError(f"`overrides` must hold pairs such as (\"head*\", crossbar), got {pair!r}")
            require_instance("overrides", pair[1], Crossbar)
        object.__setattr__(self, "overrides", tuple((pattern, crossbar) for pattern, crossbar in self.overrides))

    def crossbar_of(self, layer: str, default: Crossbar) -> Crossbar:
        """The crossbar of the first override that matches, or the default."""
        return next((crossbar for pattern, crossbar in self.overrides if matches(layer, pattern)), default)

    def why_digital(self, layer: str) -> str | None:
        """Why a layer that could be mapped stays digital; None where it is to be mapped."""
        for pattern in self.exclude:
            if matches(layer, pattern):
                return f"{_EXCLUDED}{pattern!r}"
        if self.only and not any(matches(layer, pattern) for pattern in self.only):
            return f"{_NOT_AMONG}{', '.join(map(repr, self.only))}"
        return None

    def require_matches(self, layers: Iterable[str]) -> None:
        """Refuse a pattern that means no layer at all: it is a typing error, not a wish."""
        names = list(layers)
        given = [("only", p) for p in self.only] + [("exclude", p) for p in self.exclude]
        for argument, pattern in given + [("overrides", p) for p, _ in self.overrides]:
            if not any(matches(name, pattern) for name in names):
                more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
                raise ValueError(
                    f"`{argument}` pattern {pattern!r} matches no layer; there are {', '.join(names[:_NAMED])}{more}"
                )


def matches(layer: str, pattern: str) -> bool:
    """Whether a pattern means a layer, by its name or by that of a module around it.

    >>> matches("head.0", "head"), matches("head.0", "*.0"), matches("overhead", "head")
    (True, True, False)
    """
    words = layer.split(".")
    return any(fnmatchcase(".".join(words[:n]), pattern) for n in range(1, len(words) + 1))


def chosen(reason: str) -> bool:
    """Whether a layer is digital for this reason because the user asked for it."""
    return reason.startswith((_EXCLUDED, _NOT_AMONG))


def _patterns(name: str, given: object) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(f"`{name}` must be a tuple of patterns, got {given!r}; write ('conv*',) for one of them")
    for pattern in given:
        require_instance(name, pattern, str)
    return tuple(cast(Sequence[str], given))
