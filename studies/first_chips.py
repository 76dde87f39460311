"""Tables I and II of arXiv 2008.11298 on our chips: adversarial loss of VGG8 on CIFAR-10, beside the published values.

Reproduces  AL = CA - AA in software (SW), under transfer (SH) and white-box (HH), FGSM and PGD, 16/32/64 tiles
Command     the `wordline evaluate` lines in docs/results/first-chips.md, then
            python studies/first_chips.py runs/first-chips/half.jsonl [runs/first-chips/full.jsonl]
Minutes     about 30 on two cores at width 0.5 and 500 images; 5 more at full width
Expect      published AL: FGSM 49.8-71.4 in software, 39-62 on chips; PGD 83.7-86.9 in software, 67-78 on chips

This file turns finished records into Markdown tables; it runs nothing.
"""

import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

from wordline.records import Record, fraction
from wordline.studies import read_records

TILES = (16, 32, 64)
PUBLISHED = {  # (attack, tile or 0 for software, setting) -> AL in percent, in the order of the paper's epsilons
    ("FGSM", 0, "SW"): (49.83, 58.51, 63.93, 67.18, 69.57, 71.35),
    ("FGSM", 16, "SH"): (39.81, 48.55, 53.99, 57.31, 59.47, 61.55),
    ("FGSM", 16, "HH"): (39.06, 47.38, 52.42, 55.68, 57.77, 59.47),
    ("FGSM", 32, "SH"): (39.66, 48.04, 53.66, 57.05, 59.46, 61.15),
    ("FGSM", 32, "HH"): (39.00, 47.14, 52.28, 55.32, 57.26, 58.94),
    ("FGSM", 64, "SH"): (39.63, 47.57, 52.84, 56.34, 58.76, 60.44),
    ("FGSM", 64, "HH"): (40.08, 47.83, 52.61, 55.87, 58.12, 59.81),
    ("PGD", 0, "SW"): (83.66, 83.75, 83.97, 84.87, 86.88),
    ("PGD", 16, "SH"): (74.79, 74.91, 75.29, 76.14, 78.41),
    ("PGD", 16, "HH"): (71.78, 71.89, 71.97, 72.52, 73.92),
    ("PGD", 32, "SH"): (73.48, 73.58, 74.10, 74.90, 77.54),
    ("PGD", 32, "HH"): (71.13, 71.22, 71.55, 71.97, 73.36),
    ("PGD", 64, "SH"): (70.28, 70.29, 70.58, 71.03, 72.40),
    ("PGD", 64, "HH"): (67.92, 67.14, 67.38, 68.73, 71.06),
}
GAINS = ("UnitGain", "LeastSquaresGain")
LOSSES = ("cross-entropy", "margin")
Key = tuple[str, int, str, str, str, float, int]  # attack, tile, gain, setting, loss, eps, chip seed


def key(record: Record) -> Key:
    """What a record is a cell of."""
    attack, crossbar = record.attack, record.victim.crossbar
    tile, gain = (crossbar.tile[0], type(crossbar.gain).__name__) if record.victim.is_chip else (0, "")
    kind = type(attack).__name__
    return kind, tile, gain, record.setting, attack.loss, attack.eps, record.victim.seed


def clean_table(records: dict[Key, Record]) -> list[str]:
    """Clean accuracy of software and of every chip: seed 0, and mean and deviation over all seeds there are."""
    software = next(r for r in records.values() if r.setting == "SW")
    lines = [f"Software: CA {software.clean} % on {software.images} images.", ""]
    lines += ["| tile | gain | CA, chip 0 (95 %) | CA, mean ± sd over chips |", "|---|---|---|---|"]
    for gain in GAINS:
        for tile in TILES:
            chips = {r.victim.seed: r for k, r in records.items() if k[1] == tile and k[2] == gain}
            if chips:
                spread = _spread([r.clean_accuracy for r in chips.values()])
                lines.append(f"| {tile} | {gain} | {chips[0].clean} | {spread} |")
    return [*lines, ""]


def attack_table(records: dict[Key, Record], attack: str, gain: str, loss: str) -> list[str]:
    """AL (AA) per epsilon, a row a setting; below it the published AL, where the loss is the paper's."""
    epsilons = sorted({k[5] for k in records if k[0] == attack})
    rows = [(0, "SW")] + [(tile, setting) for tile in TILES for setting in ("SH", "HH")]
    lines = [f"**{attack}, {gain}, {loss} loss, chip 0: AL (AA), %**", ""]
    lines += ["| | " + " | ".join(fraction(eps) for eps in epsilons) + " |", "|---" * (len(epsilons) + 1) + "|"]
    for tile, setting in rows:
        cells = [records.get((attack, tile, gain if tile else "", setting, loss, eps, 0)) for eps in epsilons]
        if not any(cells):
            continue
        name = f"{tile}x{tile} {setting}" if tile else "software"
        lines.append(f"| {name} | " + " | ".join(_al_aa(cell) for cell in cells) + " |")
        published = PUBLISHED[attack, tile, setting]
        if loss == "cross-entropy" and len(epsilons) == len(published):  # the loss of the paper
            lines.append("| *published* | " + " | ".join(f"*{al:.1f}*" for al in published) + " |")
    return [*lines, ""]


def chips_table(records: dict[Key, Record], attack: str, eps: float) -> list[str]:
    """Mean and sample deviation over chips at one epsilon."""
    groups: dict[tuple[int, str, str, str], list[Record]] = defaultdict(list)
    for (kind, tile, gain, setting, loss, at, _), record in records.items():
        if kind == attack and at == eps and tile:
            groups[tile, gain, loss, setting].append(record)
    several = {k: v for k, v in sorted(groups.items()) if len(v) > 1}
    if not several:
        return []
    lines = [f"**{attack} {fraction(eps)}: mean ± sd over chips, %**", ""]
    lines += ["| tile | gain | loss | setting | chips | CA | AA | AL | ASR |", "|---|---|---|---|---|---|---|---|---|"]
    for (tile, gain, loss, setting), chips in several.items():
        figures = [
            _spread([getattr(r, name) for r in chips], count=False)
            for name in ("clean_accuracy", "adversarial_accuracy", "adversarial_loss", "attack_success_rate")
        ]
        lines.append(f"| {tile} | {gain} | {loss} | {setting} | {len(chips)} | " + " | ".join(figures) + " |")
    return [*lines, ""]


def _al_aa(record: Record | None) -> str:
    return f"{100 * record.adversarial_loss:.1f} ({100 * record.adversarial_accuracy:.1f})" if record else ""


def _spread(values: list[float], *, count: bool = True) -> str:
    if len(values) == 1:
        return f"{100 * values[0]:.1f} (one chip)"
    return f"{100 * mean(values):.1f} ± {100 * stdev(values):.1f}" + f" ({len(values)} chips)" * count


def tables(path: Path) -> list[str]:
    """Every table of one journal."""
    found = read_records(path)
    records = {key(record): record for record in found}
    if len(records) != len(found) or len({(r.images, r.fingerprint) for r in found}) > 1:
        raise SystemExit(f"{path} holds records of other conditions too; keep one grid a file")
    lines = clean_table(records)
    for gain in GAINS:
        for attack in ("FGSM", "PGD"):
            for loss in LOSSES:
                if any(k[0] == attack and k[2] == gain and k[4] == loss for k in records):
                    lines += attack_table(records, attack, gain, loss)
    return lines + chips_table(records, "FGSM", 0.15) + chips_table(records, "PGD", 8 / 255)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(f"### {Path(argument).stem}\n")
        print("\n".join(tables(Path(argument))))
