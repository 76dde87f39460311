"""The data of the page: one folder's results as JSON, numbers in percent, all means computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...records import Audit, NoiseStability
from ...records.record import Estimate, NetworkIdentity, Record, describe_attack, fraction
from ...values import Value, encode
from ..audit_notes import audit_note
from ..chip_mean import ChipMean, mean_over_chips
from ..curves import Curve, Point, curves_of
from ..default_table import laid_out_tables
from ..fields import describe_design, epsilon, format_field, format_value, network_of
from ..numbers_as_text import caption, format_number, format_ours, format_signed
from ..results import Results
from ..table import Table
from .advantages_data import DESIGN_FIELDS, advantages_data, interval_in_percent
from .describe_conditions import describe_conditions
from .reproduce import CommandNames, network_names, reproduce_command

ABOUT = ("reproduces", "expected", "scale")
SHARES = {"CA": "clean", "AA": "adversarial", "AL": "loss", "ASR": "success"}


def study_data(results: Results, names: CommandNames) -> dict[str, Any]:
    """Return one folder's part of the page's data."""
    networks = network_names(results.evaluations, names)
    keys = [key for key, record in results.records.items() if isinstance(record, Record)]
    records = [
        {
            **_record(record),
            "key": key,
            "note": audit_note([record], results.audits),
            "command": reproduce_command(record, names, networks),
        }
        for key, record in zip(keys, results.evaluations, strict=True)
    ]
    return {
        "title": results.title,
        "about": {name: results.study[name] for name in ABOUT if results.study.get(name)},
        "command": results.study.get("command", ""),
        "tables": [_table(table) for table in laid_out_tables(results)],
        "records": records,
        "advantages": advantages_data(results.evaluations),
        "curves": [_curve(curve) for curve in curves_of(results.evaluations)],
        "audits": [_audit(name, audit) for name, audit in results.audits],
        "chips": [_chip(chip) for chip in results.chips],
        "stabilities": [_stability(stability) for stability in results.stabilities],
        "failures": [[key, reason] for key, reason in results.failures.items()],
        "unreadable": list(results.unreadable),
    }


def _record(record: Record) -> dict[str, Any]:
    shares = {name: interval_in_percent(getattr(record, part)) for name, part in SHARES.items()}
    eps = epsilon(record)
    return {
        **{name: format_field(record, name) for name in (*DESIGN_FIELDS, "eps", "seed")},
        **shares,
        "radius": None if math.isnan(eps) else eps,
        "images": record.images,
        "attack_words": describe_attack(record.attack),
        "conditions": [list(pair) for pair in describe_conditions(record)],
    }


def _curve(curve: Curve) -> dict[str, Any]:
    """A curve by its design, its points, and the clean accuracy that it begins with."""
    start, *_ = curve.points
    clean = _mean([record.clean for record in start.records])
    return {
        **{name: format_field(curve.first, name) for name in DESIGN_FIELDS},
        "clean": {"radius": 0, "eps": "0 (clean)", "AA": clean},
        "points": [_point(point) for point in curve.points],
    }


def _point(point: Point) -> dict[str, Any]:
    means = {
        name: _mean([getattr(record, part) for record in point.records])
        for name, part in SHARES.items()
    }
    return {"radius": point.eps, "eps": fraction(point.eps), **means}


def _mean(shares: Sequence[Estimate]) -> dict[str, float | None]:
    mean: ChipMean = mean_over_chips(shares)
    spread = None if math.isnan(mean.spread) else round(mean.spread, 4)
    numbers = {"value": mean.value, "low": mean.low, "high": mean.high}
    rounded = {name: round(number, 4) for name, number in numbers.items()}
    return {**rounded, "sd": spread, "chips": mean.chips}


def _table(table: Table) -> dict[str, Any]:
    decimals = table.decimals
    rows = [
        {
            "label": row,
            "remarks": table.remarks(row),
            "ours": [format_ours(entry, decimals) for entry in table.line(row)],
            "published": [format_number(e.published, decimals) for e in table.line(row)],
            "difference": [format_signed(e.difference, decimals) for e in table.line(row)],
        }
        for row in table.rows
    ]
    return {
        "title": table.title,
        "caption": caption(table),
        "corner": table.corner,
        "columns": list(table.columns),
        "rows": rows,
        "remarks": list(table.remark_titles),
    }


AUDIT_FIELDS = (
    "verdict", "stopped", "images", "checks", "comparisons", "quick", "clean", "attacked", "worst",
    "software_clean", "software_attacked",
)  # fmt: skip


def _audit(name: str, audit: Audit) -> dict[str, Any]:
    eps = fraction(audit.eps)
    name = name or f"{_network(audit)}, {audit.data}, eps {eps}"
    return {"name": name, "eps": eps, **{part: getattr(audit, part) for part in AUDIT_FIELDS}}


def _chip(chip: Any) -> dict[str, Any]:
    """A `ChipReport` or `ChipView` of `wordline.nn` in one shape; a report has no maps."""
    plain = encode(chip)
    layers = []
    for layer in plain["layers"]:
        maps = {"nf_map": None, "conductance": None, "kept": None}
        if "report" in layer:
            maps = {name: layer[name.removesuffix("_map")] for name in maps}
        layers.append({**layer.get("report", layer), **maps})
    design = NetworkIdentity("", "", chip.crossbar, chip.seed)
    name = f"{plain.get('network', 'chip')} on {format_value(design.tile)}, {design.gain}"
    return {"name": f"{name}, seed {design.seed}", "layers": layers, "digital": plain["digital"]}


def _stability(stability: NoiseStability) -> dict[str, Any]:
    """SNR per call of a layer in decibels; null where there is no noise, or no signal."""
    bars = [
        [row.title, round(row.snr_db, 3) if math.isfinite(row.snr_db) else None]
        for row in stability.layers
    ]
    name = f"{_network(stability)}, {stability.images} images of {stability.data}"
    return {"name": name, "bars": bars}


def _network(result: Value) -> str:
    network = network_of(result)
    return f"{format_value(network.network)} {describe_design(network)}"
