"""The layout of a published table: which field of a record decides the row, which the column, and what was printed."""

from __future__ import annotations

from dataclasses import dataclass

from ..values import Value, require_instance, require_integer, require_number

QUANTITIES = {"CA": "clean", "AA": "adversarial", "AL": "loss", "ASR": "success"}
ROBUST_GAIN, ROBUST_GAIN_FIELD = "robust gain", "robust_gain"  # over software, of pairs of records: robust_gains.py


@dataclass(frozen=True)
class Published(Value):
    """One printed number: where it stands, and the labels of its row and column in our table.

    >>> Published("arXiv 2008.11298", "Table II", "64x64 HH", "8/255", 67.38).value
    67.38
    """

    source: str
    table: str
    row: str
    column: str
    value: float

    def __post_init__(self) -> None:
        require_number("value", self.value)


@dataclass(frozen=True)
class Axis(Value):
    """What the rows (or columns) of a table are: the words of these fields of a record, joined by a space.

    A field is one of the words `setting`, `tile`, `gain`, `attack`, `eps`, `loss`, `steps`, `model`, `data`, `seed`,
    `victim`, `layer`, or a path into the record's JSON such as `victim.crossbar.device.r_on_ohm`. `order`: labels that
    stand first, as the paper has them; `names`: (label, as the paper calls it), applied last.
    """

    title: str
    fields: tuple[str, ...]
    order: tuple[str, ...] = ()
    names: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.fields or isinstance(self.fields, str):
            raise ValueError(f"`fields` of the axis {self.title!r} is {self.fields!r}; give a tuple of field names")


@dataclass(frozen=True)
class Layout(Value):
    """A table as a paper has it. A study puts `encode(layout)` into `study.json`, beside its records.

    `quantity`: CA, AA, AL or ASR, "robust gain" (AA less that of software, attacked alike on the same images, with a
    paired interval), or any other name together with `field`, the path of a number (or of an estimate) in the record's
    JSON. `each`: the path of a list in the record, such as "layers", of which every element makes a number of its own:
    paths that begin with `each.` lead into it, and `layer` is the word of a stability's. `unit` and `scale`: a value v
    is printed as v * scale in that unit; `where`: (field, word) pairs that a record must have to stand in the table;
    `published`: what was printed, in the same unit.

    >>> Layout("Table II", "AL", rows=Axis("tile", ("tile", "setting")), columns=Axis("epsilon", ("eps",))).unit
    '%'
    """

    title: str
    quantity: str
    rows: Axis
    columns: Axis
    unit: str = "%"
    scale: float = 100.0
    decimals: int = 1
    field: str = ""
    each: str = ""
    where: tuple[tuple[str, str], ...] = ()
    published: tuple[Published, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        require_instance("rows", self.rows, Axis)
        require_instance("columns", self.columns, Axis)
        require_number("scale", self.scale)
        require_integer("decimals", self.decimals, at_least=0)
        require_instance("each", self.each, str)
        if not self.path:
            known = ", ".join([*QUANTITIES, ROBUST_GAIN])
            raise ValueError(f"`quantity` {self.quantity!r} is none of {known}; say in `field` where a record holds it")
        if bool(self.each) != self.path.startswith("each."):
            raise ValueError(f"`field` is {self.path!r} and `each` {self.each!r}; a list needs a `field` of 'each.'")

    @property
    def path(self) -> str:
        """Where a record holds the quantity."""
        return self.field or {**QUANTITIES, ROBUST_GAIN: ROBUST_GAIN_FIELD}.get(self.quantity, "")
