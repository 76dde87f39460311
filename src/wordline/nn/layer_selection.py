"""Selection of the layers that go onto arrays, and of their crossbars, by name patterns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import cast, final

from ..mapping import Crossbar
from ..values import Value, require_instance

_LISTED = 30  # layers that an error lists

_EXCLUDED, _NOT_AMONG = "excluded by ", "not among only="

Overrides = tuple[tuple[str, Crossbar], ...]


@final
@dataclass(frozen=True)
class LayerSelection(Value):
    """Layers to map, layers to keep digital, and crossbars of single layers.

    A pattern is that of `fnmatch`, case kept: "head", "block?.conv*", "*.q_proj". It matches a
    layer of that name, and every layer inside a module of that name. `only`: nothing else is
    mapped; `exclude`: stays digital, whatever `only` says; `overrides`: (pattern, crossbar) pairs,
    of which the first that matches a layer decides its crossbar.
    """

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    overrides: Overrides = ()

    def __post_init__(self) -> None:
        for name in ("only", "exclude"):
            object.__setattr__(self, name, _patterns(name, getattr(self, name)))
        if not isinstance(self.overrides, Sequence) or isinstance(self.overrides, str):
            raise TypeError(
                f"`overrides` must be (pattern, crossbar) pairs, got {self.overrides!r}"
            )
        for pair in self.overrides:
            if not isinstance(pair, Sequence) or len(pair) != 2 or not isinstance(pair[0], str):
                raise TypeError(
                    f'`overrides` must hold pairs such as ("head*", crossbar), got {pair!r}'
                )
            require_instance("overrides", pair[1], Crossbar)
        overrides = tuple((pattern, crossbar) for pattern, crossbar in self.overrides)
        object.__setattr__(self, "overrides", overrides)

    def crossbar_of(self, layer: str, default: Crossbar) -> Crossbar:
        """Return the crossbar of the first override that matches, or the default."""
        matching = (crossbar for pattern, crossbar in self.overrides if matches(layer, pattern))
        return next(matching, default)

    def why_digital(self, layer: str) -> str | None:
        """Say why a layer that could be mapped stays digital; None where it is to be mapped."""
        for pattern in self.exclude:
            if matches(layer, pattern):
                return f"{_EXCLUDED}{pattern!r}"
        if self.only and not any(matches(layer, pattern) for pattern in self.only):
            return f"{_NOT_AMONG}{', '.join(map(repr, self.only))}"
        return None

    def require_matches(self, layers: Iterable[str]) -> None:
        """Refuse a pattern that matches no layer: it is a typing error."""
        names = list(layers)
        given = [("only", p) for p in self.only] + [("exclude", p) for p in self.exclude]
        for argument, pattern in given + [("overrides", p) for p, _ in self.overrides]:
            if not any(matches(name, pattern) for name in names):
                more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
                raise ValueError(
                    f"`{argument}` pattern {pattern!r} matches no layer; there are "
                    f"{', '.join(names[:_LISTED])}{more}"
                )


def matches(layer: str, pattern: str) -> bool:
    """Tell whether a pattern matches a layer, by its name or by that of a module around it.

    >>> matches("head.0", "head"), matches("head.0", "*.0"), matches("overhead", "head")
    (True, True, False)
    """
    words = layer.split(".")
    return any(fnmatchcase(".".join(words[:n]), pattern) for n in range(1, len(words) + 1))


def is_requested(reason: str) -> bool:
    """Tell whether a layer is digital for this reason because the user asked for it."""
    return reason.startswith((_EXCLUDED, _NOT_AMONG))


def _patterns(name: str, given: object) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(
            f"`{name}` must be a tuple of patterns, got {given!r}; write ('conv*',) for one of them"
        )
    for pattern in given:
        require_instance(name, pattern, str)
    return tuple(cast(Sequence[str], given))
