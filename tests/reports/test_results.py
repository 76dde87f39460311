"""Reading results: everything is sorted, nothing is lost in silence."""

import json
from pathlib import Path

import pytest
from tests.reports.examples import audit, audit_line, chip, folder, record, stability, two_chips
from torch import nn

import wordline as wl
from wordline.reports import Axis, Layout, read_results
from wordline.values import encode

LAYOUT = Layout("T", "AL", Axis("tile", ("tile",)), Axis("epsilon", ("eps",)))


def test_a_folder_is_sorted(tmp_path: Path) -> None:
    study = {"title": "Table X", "layout": encode(LAYOUT)}
    failure = {
        "key": "k9",
        "failure": {"type": "Failure", "error": "MemoryError", "message": "no room"},
    }
    path = folder(
        tmp_path / "run", two_chips(), failure, audit_line(chip()), "{torn", "[1]", {"what": 1},
        {"key": "s", "record": encode(stability())}, study=study,
    )  # fmt: skip
    (path / "audit-2.json").write_text(audit(chip(1)).to_json())
    mapped = wl.map_model(nn.Linear(3, 2).eval(), wl.Crossbar.preset("rethinking-16"))
    (path / "chip.json").write_text(mapped.report().to_json())
    results = read_results(path)
    assert results.title == "Table X" and results.layouts == (LAYOUT,)
    assert list(results.records) == ["k0", "k1", "k2", "s"]
    assert results.evaluations == two_chips()
    assert results.failures == {"k9": "MemoryError: no room"}
    assert [name for name, _ in results.audits] == ["a", ""]
    assert results.chips == [mapped.report()] and results.stabilities == [stability()]
    assert [line.split(":")[0] for line in results.unreadable] == [
        f"records.jsonl line {n}" for n in (6, 7, 8)
    ]


def test_a_cell_that_failed_and_then_succeeded_is_a_record(tmp_path: Path) -> None:
    path = folder(
        tmp_path, two_chips(), {"key": "k1", "failure": "once"}, {"key": "z", "failure": "again"}
    )
    results = read_results(path / "records.jsonl")
    assert (
        results.failures == {"z": "again"}
        and len(results.records) == 3
        and results.title == "records"
    )


def test_a_later_line_of_a_cell_replaces_the_earlier(tmp_path: Path) -> None:
    again = {"key": "k0", "record": encode(record(clean=0.8))}
    assert read_results(folder(tmp_path, two_chips(), again)).evaluations[0].clean_accuracy == 0.8


def test_a_record_that_is_broken_is_said_to_be(tmp_path: Path) -> None:
    broken = {"key": "b", "record": {**encode(record()), "attack": {"type": "NoSuchAttack"}}}
    own = {"key": "o", "record": {"type": "OfAStudy", "value": 1.0}}
    results = read_results(folder(tmp_path, [], broken, own))
    assert list(results.records) == ["o"]  # a study may have kinds of its own
    assert "NoSuchAttack" in results.unreadable[0]
    assert results.unreadable[0].startswith("records.jsonl line 1")
    halved = {name: value for name, value in encode(stability()).items() if name != "logits"}
    results = read_results(folder(tmp_path, [], {"key": "s", "record": halved}))
    assert not results.stabilities and "logits" in results.unreadable[0]


def test_a_result_beside_its_cell_is_that_result(tmp_path: Path) -> None:
    """A cell may be of a type that only the study's file defines."""
    beside = {"type": "CellResult", "cell": {"type": "OfAStudy"}, "result": encode(record())}
    own = {**beside, "result": {"type": "AlsoOfAStudy"}}
    lines = {"key": "a", "record": beside}, {"key": "b", "record": own}
    results = read_results(folder(tmp_path, [], *lines))
    assert results.evaluations == [record()] and not results.unreadable
    assert list(results.records) == ["a", "b"]


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`paths` '.*nowhere' does not exist; pass a folder"):
        read_results(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"`paths` '.*' holds no \*.jsonl, audit"):
        read_results(tmp_path)
    path = folder(tmp_path / "a", [record()])
    (path / "study.json").write_text("{")
    with pytest.raises(ValueError, match="`study` file .* is not JSON"):
        read_results(path)
    (path / "study.json").write_text("[]")
    with pytest.raises(ValueError, match="`study` file .* holds a list; it must be an object"):
        read_results(path)
    (path / "study.json").write_text(json.dumps({"layout": encode(wl.UnitGain())}))
    with pytest.raises(
        ValueError, match="`layout` of the study must be an encoded Layout, got UnitGain"
    ):
        read_results(path)
