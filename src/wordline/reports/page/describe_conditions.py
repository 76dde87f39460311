"""All conditions of a record in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...records.record import Record, fraction
from ...values import encode
from ..conditions import flatten
from ..fields import format_value


def describe_conditions(record: Record) -> list[tuple[str, str]]:
    """List everything that a record holds beside its numbers, as pairs of name and words."""
    pairs = [("setting", record.setting)]
    pairs += [("data", f"{record.data}, first {record.images} images")]
    pairs += [("fingerprint of images and labels", record.fingerprint)]
    pairs += _words("attack", encode(record.attack))
    pairs += _words("victim", encode(record.victim))
    if record.source == record.victim:
        pairs += [("source", "the victim itself")]
    else:
        pairs += _words("source", encode(record.source))
    change = f"{record.largest_change:.6g} ({fraction(record.largest_change)})"
    pairs += [("largest change of a pixel", change)]
    pairs += [(n, str(getattr(record, n))) for n in ("seed", "draws", "batch_size", "threads")]
    pairs += [(f"version of {name}", version) for name, version in record.versions.items()]
    return [*pairs, *([("flags", ", ".join(record.flags))] if record.flags else [])]


def _words(name: str, plain: Any) -> Iterator[tuple[str, str]]:
    """A configuration as dotted names; the type of a part stands under the part's own name."""
    for path, value in flatten(plain, name):
        if value not in ("", (), None) and path not in ("victim.type", "source.type"):
            yield path.removesuffix(".type"), format_value(value)
