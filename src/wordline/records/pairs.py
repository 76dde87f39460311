"""Pairs of records: answers to the same images, under an attack that is the same to its end."""

from __future__ import annotations

import json
from typing import Any

from ..values import encode, require_instance
from .record import Record, describe_attack


def require_answers(name: str, record: Record) -> None:
    """Refuse a record that does not say which images were answered right."""
    require_instance(name, record, Record)
    if not record.answers:
        raise ValueError(
            f"`{name}` holds no answers for {record.setting} {describe_attack(record.attack)}: "
            "draws of a stochastic chip disagree (freeze its noise), or the record is of an "
            "earlier version (evaluate again)"
        )


def require_clean_answers(name: str, record: Record) -> None:
    """Refuse a record that does not say which clean images were answered right."""
    if not record.clean_answers:
        raise ValueError(
            f"`{name}` holds no answers to the clean images; evaluate again with this version"
        )


def require_same_images(name: str, record: Record, other: Record) -> None:
    """Refuse a pair of records of other images."""
    if (record.fingerprint, record.images) != (other.fingerprint, other.images):
        raise ValueError(
            f"`{name}` has a record of other images ({record.images} of {record.data or 'data'}, "
            f"{record.fingerprint}) than {other.images} of {other.data or 'data'}, "
            f"{other.fingerprint}; pair records of the same images"
        )


def require_same_attack(name: str, record: Record, other: Record) -> None:
    """Refuse a pair of records under other attacks, or from other random starts."""
    if attack_key(record) != attack_key(other):
        raise ValueError(
            f"`{name}` has a record under {_words(record)}, another under {_words(other)}; pair "
            "records of one attack, radius and seed"
        )


def attack_key(record: Record) -> tuple[str, int]:
    """Return the attack as it is run to its end, and its seed.

    `early_stop` is left out: it only saves steps of a white-box attack.
    """
    return json.dumps(_without_early_stop(encode(record.attack, defaults=False))), record.seed


def _without_early_stop(plain: Any) -> Any:
    if isinstance(plain, dict):
        kept = {key: value for key, value in plain.items() if key != "early_stop"}
        return {key: _without_early_stop(value) for key, value in kept.items()}
    return [_without_early_stop(item) for item in plain] if isinstance(plain, list) else plain


def _words(record: Record) -> str:
    return f"{describe_attack(record.attack)} ({attack_key(record)[0]}, seed {record.seed})"
