"""Records, audits and folders of results with numbers that one can check in one's head."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import wordline as wl
from wordline.records import Attenuated, Audit, Budget, Check, Comparison, Scaled
from wordline.records.correctness import Correctness
from wordline.records.noise_stability import (
    LayerStability,
    LogitStability,
    NoiseStability,
    Statistic,
)
from wordline.records.record import Estimate, NetworkIdentity, Record
from wordline.values import encode

SOFTWARE = NetworkIdentity("Net", "0" * 16)


def chip(seed: int = 0, tile: int = 16, weights: str = "") -> NetworkIdentity:
    crossbar = wl.Crossbar.preset(f"rethinking-{tile}")
    return NetworkIdentity("Net", weights or f"{tile}-{seed}", crossbar, seed)


def twin(seed: int = 0, tile: int = 16, per: str = "layer") -> NetworkIdentity:
    origin = Attenuated(SOFTWARE, chip(seed, tile), per)
    return NetworkIdentity("Net", f"twin {per} {tile}-{seed}", origin=origin)


def scaled(factor: float) -> NetworkIdentity:
    return NetworkIdentity("Net", f"x {factor}", origin=Scaled(SOFTWARE, factor))


def share(value: float, width: float = 0.05) -> Estimate:
    return Estimate(value, value - width, value + width)


def record(
    victim: NetworkIdentity = SOFTWARE, source: NetworkIdentity | None = None, eps: float = 0.1,
    clean: float = 0.9, attacked: float = 0.5, attack: Any = None, data: str = "digits",
) -> Record:  # fmt: skip
    return Record(
        victim=victim, source=victim if source is None else source,
        attack=attack or wl.FGSM(eps=eps), data=data, fingerprint="f", images=10,
        clean=share(clean), adversarial=share(attacked), loss=share(clean - attacked),
        success=share(1 - attacked / clean), largest_change=eps, seed=0, draws=1, batch_size=10,
        threads=1, versions={"torch": "2"},
    )  # fmt: skip


def answered(made: Record, clean: str, right: str) -> Record:
    """The record with answers to clean and attacked images, 1 for a right one."""
    answers = (Correctness.of(bit == "1" for bit in bits) for bits in (clean, right))
    return replace(made, **dict(zip(("clean_answers", "answers"), answers, strict=True)))


def gains_and_twins() -> list[Record]:
    """Software, two chips and their twins, white-box and transferred, and weights x 0.9.

    White-box, software answers 3 of 10 right, chips 5 and 4, twins 5 and 3; of 9, 7, 6 and 8, 7
    clean ones.
    """
    white = [
        answered(record(), "1111111110", "1110000000"),
        answered(record(chip(0)), "1111111000", "1111100000"),
        answered(record(chip(1)), "1111110000", "1111000000"),
        answered(record(twin(0)), "1111111100", "1111100000"),
        answered(record(twin(1)), "1111111000", "1110000000"),
        answered(record(scaled(0.9)), "1111111100", "1111000000"),
    ]
    return white + [replace(made, source=SOFTWARE) for made in white[1:]]


def audit(victim: NetworkIdentity, eps: float = 0.1, verdict: str = "masking detected") -> Audit:
    """An audit with a failed and a passed check, and a measured and an unmeasured control."""
    half = share(0.5)
    control = Comparison("uniform shrink", half, half, half, half, half, remains=0.4)
    unmeasured = replace(control, name="noise", measured=False, note="takes too long")
    check = Check(
        "G1", "gradients do not vanish", "fail", {"zero": 0.25}, found="a quarter is zero.",
        explanation="a quarter is zero. Raised if any is.",
    )  # fmt: skip
    return Audit(
        verdict=verdict, checks=(check, replace(check, id="G2", status="pass")),
        comparisons=(control, unmeasured), chip=victim, software=SOFTWARE, eps=eps,
        budget=Budget(), quick=False, stopped="", stochastic=False, clean=half, attacked=half,
        worst=half, software_clean=half, software_attacked=half, data="digits", fingerprint="f",
        images=10, seed=0, batch_size=10, threads=1, versions={},
    )  # fmt: skip


def audit_line(victim: NetworkIdentity, name: str = "a") -> dict[str, Any]:
    """A line of a file of audits."""
    return {"name": name, "audit": encode(audit(victim))}


def stability() -> NoiseStability:
    """A stability of three layers, SNR infinite, 20 dB and 10 dB."""
    return _stability(("conv1", 0, math.inf), ("conv2", 0, 100.0), ("fc", 0, 10.0))


def shared_layer() -> NoiseStability:
    """A stability of one layer that is called three times, SNR 0 dB, -10 dB and none."""
    return _stability(("relu", 0, 1.0), ("relu", 1, 0.1), ("relu", 2, 0.0))


def _stability(*layers: tuple[str, int, float]) -> NoiseStability:
    one = Statistic(1.0, 0.1, 1.0)
    rows = tuple(
        LayerStability(name, call, Statistic(mean, 0.0, mean), one, one, one, one, one, one, one)
        for name, call, mean in layers
    )
    return NoiseStability(
        chip=chip(), software=SOFTWARE, data="digits", fingerprint="f", images=10, draws=1, seed=0,
        probes=16, exact_jacobian=True, batch_size=10, threads=1, layers=rows,
        logits=LogitStability(one, one),
    )  # fmt: skip


def folder(path: Path, records: list[Record], *lines: Any, study: Any = None) -> Path:
    """A folder with these records and further lines, and the study if there is one."""
    path.mkdir(parents=True, exist_ok=True)
    plain = [{"key": f"k{index}", "record": encode(made)} for index, made in enumerate(records)]
    texts = [line if isinstance(line, str) else json.dumps(line) for line in (*plain, *lines)]
    (path / "records.jsonl").write_text("".join(f"{text}\n" for text in texts))
    if study is not None:
        (path / "study.json").write_text(json.dumps(study))
    return path


def two_chips() -> list[Record]:
    """Software at AL 40, and two chips of one design at AL 20 and 30, under transfer."""
    return [
        record(),
        record(chip(0), SOFTWARE, attacked=0.7),
        record(chip(1), SOFTWARE, attacked=0.6),
    ]


def renamed(made: Record, network: str) -> Record:
    """The record of a network of another name."""
    victim = replace(made.victim, network=network)
    return replace(made, victim=victim, source=replace(made.source, network=network))
