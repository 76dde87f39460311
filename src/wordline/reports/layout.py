"""The layout of a published table: its axes, its quantity, and the printed numbers."""

from __future__ import annotations

from dataclasses import dataclass

from ..values import Value, require_choice, require_instance, require_number
from .fields import FIELD_NAMES
from .quantities import QUANTITIES


@dataclass(frozen=True)
class Published(Value):
    """One printed number: its source, and the labels of its row and column in our table.

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
    """The rows (or columns) of a table: their labels are some fields of a result, joined by spaces.

    `fields`: of the vocabulary in `wordline.reports.fields`: `setting`, `tile`, `gain`, `r_on`,
    `attack`, `eps`, `loss`, `model`, `data`, `seed`, `layer`, ... `order`: labels that stand
    first, as the paper has them; `names`: (label, the paper's words for it), applied last.
    """

    title: str
    fields: tuple[str, ...]
    order: tuple[str, ...] = ()
    names: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.fields or isinstance(self.fields, str):
            raise ValueError(
                f"`fields` of the axis {self.title!r} is {self.fields!r}; "
                "give a tuple of field names"
            )
        for name in self.fields:
            require_choice("fields", name, FIELD_NAMES)


@dataclass(frozen=True)
class Layout(Value):
    """A table as a paper has it. A study puts `encode(layout)` into `study.json`.

    `quantity`: the name of one of `QUANTITIES`: CA, AA, AL, ASR, "robust gain" (AA less that of
    software, attacked alike on the same images, with a paired interval), "SNR of a layer", ...;
    it decides unit and decimals too. `where`: (field, word) pairs that a result must have to
    stand in the table; `published`: the printed numbers, in the quantity's unit.

    >>> Layout("Table II", "AL", Axis("tile", ("tile", "setting")), Axis("epsilon", ("eps",))).note
    ''
    """

    title: str
    quantity: str
    rows: Axis
    columns: Axis
    where: tuple[tuple[str, str], ...] = ()
    published: tuple[Published, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        require_choice("quantity", self.quantity, tuple(QUANTITIES))
        require_instance("rows", self.rows, Axis)
        require_instance("columns", self.columns, Axis)
        for name, _ in self.where:
            require_choice("where", name, FIELD_NAMES)
