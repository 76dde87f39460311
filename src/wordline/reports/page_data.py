"""What the page is given: results as plain data, numbers in percent, words as people read them."""

from __future__ import annotations

import math
from typing import Any

from ..records import LayerStability
from ..records.record import Record, describe_attack, fraction
from ..values import decode, encode
from .fields import Plain, at, curve, word
from .flags import audits_of, flag
from .general import sheets_of
from .layout import QUANTITIES
from .rerun import Names, conditions_in_words, rerun, software_names
from .results import Results
from .sheet import Sheet
from .writers import caption, number, ours, signed


def results_data(results: Results, names: Names) -> dict[str, Any]:
    """One folder's part of the page's data."""
    evaluations = results.decoded()
    models = software_names(evaluations, names)
    about = {name: str(results.study[name]) for name in ("reproduces", "expected", "scale") if results.study.get(name)}
    return {
        "title": results.title,
        "about": about,
        "command": str(results.study.get("command", "")),
        "sheets": [_sheet(sheet) for sheet in sheets_of(results)] if results.layouts else [],
        "records": [
            _record(key, encode(record), record, rerun(record, names, models), results)
            for key, record in zip(_evaluation_keys(results), evaluations, strict=True)
        ],
        "audits": [_audit(audit) for audit in results.audits],
        "chips": [_chip(chip) for chip in results.chips],
        "stabilities": [_stability(stability) for stability in results.stabilities],
        "failures": [[key, why] for key, why in results.failures.items()],
        "strange": list(results.strange),
    }


def _evaluation_keys(results: Results) -> list[str]:
    return [key for key, plain in results.records.items() if plain.get("type") == "Record"]


def _record(key: str, plain: Plain, record: Record, command: str, results: Results) -> dict[str, Any]:
    eps = at(plain, "attack.eps")
    words = {name: word(plain, name) for name in ("setting", "tile", "gain", "attack", "loss", "eps", "model", "data")}
    shares = {
        name: [round(100 * part, 4) for part in (e.value, e.low, e.high)]
        for name, e in ((name, getattr(record, path)) for name, path in QUANTITIES.items())
    }
    audits = audits_of(plain, results.audits)
    return {
        **words, **shares,
        "key": key, "at": eps if isinstance(eps, int | float) else None, "seed": word(plain, "seed"),
        "images": record.images, "attack_words": describe_attack(record.attack),
        "curve": curve(plain),
        "flag": flag([plain], results.audits), "audit": results.audits.index(audits[0]) if audits else -1,
        "conditions": [list(pair) for pair in conditions_in_words(record)], "command": command,
    }  # fmt: skip


def _sheet(sheet: Sheet) -> dict[str, Any]:
    rows = []
    for row in sheet.rows:
        cells = [sheet.cell(row, column) for column in sheet.columns]
        decimals = sheet.decimals
        rows.append({
            "label": row, "flag": sheet.flags(row),
            "cells": [
                {"ours": ours(cell, decimals), "published": number(cell.published, decimals),
                 "difference": signed(cell.difference, decimals), "value": None if math.isnan(cell.ours) else cell.ours}
                for cell in cells
            ],
        })  # fmt: skip
    return {
        "title": sheet.title, "caption": caption(sheet), "corner": sheet.corner, "columns": list(sheet.columns),
        "rows": rows, "compared": sheet.compared, "audited": sheet.audited,
    }  # fmt: skip


def _audit(audit: Plain) -> dict[str, Any]:
    chip = {"victim": audit.get("chip") or {}}
    eps = fraction(float(audit.get("eps", 0.0)))
    name = audit.get("name") or f"{word(chip, 'model')} {word(chip, 'victim')}, {audit.get('data', '')}, eps {eps}"
    kept = ("verdict", "stopped", "images", "checks", "comparisons", "quick", "seed")
    shares = ("clean", "attacked", "worst", "software_clean", "software_attacked")
    return {"name": name, "eps": eps, **{part: audit.get(part) for part in (*kept, *shares)}}


def _chip(chip: Plain) -> dict[str, Any]:
    """A chip report or view in one shape; a report has no maps."""
    layers = []
    for layer in chip.get("layers", ()):
        report = layer.get("report", layer)
        layers.append({**report, **{name: layer[name] for name in ("kept", "conductance") if name in layer}}
                      | {"nf": report.get("nf"), "nf_map": layer["nf"] if "report" in layer else None})  # fmt: skip
    crossbar = word({"victim": chip}, "tile")
    name = f"{chip.get('network', 'chip')} on {crossbar}, {word({'victim': chip}, 'gain')}, seed {chip.get('seed', 0)}"
    return {"name": name, "layers": layers, "digital": chip.get("digital", [])}


def _stability(stability: Plain) -> dict[str, Any]:
    """SNR per call of a layer in decibels, 10 log10 of the mean over images; null where there is no noise."""
    chip = {"victim": stability.get("chip") or {}}
    rows: tuple[LayerStability, ...] = decode(list(stability.get("layers", ())))
    bars = [[row.title, round(row.snr_db, 3) if math.isfinite(row.snr_db) else None] for row in rows]
    name = f"{word(chip, 'model')} {word(chip, 'victim')}, {stability.get('images', 0)} images"
    return {"name": f"{name} of {stability.get('data', '')}", "bars": bars}
