"""Comparisons of records of the same images, image by image: robust gain and worst case."""

from __future__ import annotations

from collections.abc import Sequence

from .intervals import paired_difference, wilson
from .pairs import require_answers, require_same_images
from .record import Estimate, Record


def robust_gain(record: Record, beside: Record) -> Estimate:
    """Return AA of one record less AA of another, with its paired 95 % interval.

        gain = AA(record) - AA(beside)   on the same images; interval of Agresti & Min 2005

    Usually a chip's record beside software's at the same epsilon: the gain over software of
    arXiv 2109.09060. How either attack was made does not enter; `audit` examines if a gain is
    robustness.

    Raises ValueError for records of other images, or without answers (draws that disagree, or an
    earlier version).
    """
    require_answers("record", record)
    require_answers("beside", beside)
    require_same_images("beside", beside, record)
    pairs = list(zip(record.answers, beside.answers, strict=True))
    return paired_difference(pairs.count((True, False)), pairs.count((False, True)), len(pairs))


def worst_case(records: Sequence[Record]) -> Estimate:
    """Return the accuracy under the worst of several attacks on one victim, with its 95 % interval.

        robust accuracy = share of images right in every record <= min over records of AA

    The worst is taken image by image; the interval is Wilson's. Raises ValueError for no records,
    records of other images or victims, or without answers.
    """
    if not records:
        raise ValueError(
            "`records` is empty; pass the records of one victim under the attacks to be joined"
        )
    for record in records:
        require_answers("records", record)
        require_same_images("records", record, records[0])
        if record.victim != records[0].victim:
            raise ValueError(
                "`records` are of different victims; the worst case is that of one victim"
            )
    right = [all(hits) for hits in zip(*(record.answers for record in records), strict=True)]
    return wilson(sum(right), len(right))
