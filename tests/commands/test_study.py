"""`wordline study`: one command, one line for every mistake."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from wordline.records.record import Record
from wordline.runs import load_study

SMALL = Path(__file__).parents[1] / "runs" / "small.py"


@pytest.fixture
def study(wordline):
    return lambda *arguments: wordline("study", *arguments)


def test_records_and_what_a_report_needs(study, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, text, err = study(
        str(SMALL), "--out", str(out), "--limit", "2", "--cache", str(tmp_path / "cache")
    )
    assert code == 0
    assert "2 cells" in text and "2 of them run now" in text
    assert "small: 2/2" in err
    about = json.loads((out / "study.json").read_text())
    assert about == {
        "title": "Small",
        "reproduces": "nothing",
        "command": "wordline study small.py --out DIR --limit 2",
        "scale": "quick",
        "layout": [],
        "expected": "ten records",
    } | {"command": about["command"]}
    assert about["command"].startswith("wordline study ") and str(tmp_path) not in about["command"]
    assert about["command"].endswith("--limit 2 --cache DIR")
    code, text, _ = study(str(SMALL), "--out", str(out), "--limit", "2", "--json")
    assert code == 0
    assert [Record.from_json(line).threads for line in text.splitlines()] == [1, 1]
    code, text, _ = study(str(SMALL), "--cost")
    assert code == 0 and "multiplications" in text


def test_failures_are_said_and_change_the_exit_code(
    study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHY", str(tmp_path))
    (tmp_path / "fail-1").touch()
    arguments = (str(SMALL), "--out", str(tmp_path / "out"), "--limit", "3")
    code, text, err = study(*arguments)
    assert code == 1
    assert "failed: touchy 1: RuntimeError: told to fail" in err
    assert "1 cells failed; the same command tries them again" in err
    assert text.count("Estimate") == 0 and "2 cells" in text
    (tmp_path / "fail-1").unlink()
    assert study(*arguments)[0] == 0
    assert load_study(SMALL).title == "Small"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.py",), "`study` must be an existing Python file, got 'none.py'"),
        (("empty.py",), "`study` file 'empty.py' has no STUDY"),
        ((str(SMALL), "--scale", "huge"), "`scale` must be one of 'quick', 'paper', got 'huge'"),
        ((str(SMALL), "--workers", "0"), "`workers` must be at least 1"),
        ((str(SMALL), "--threads", "0"), "`threads` must be at least 1"),
        ((str(SMALL), "--limit", "-1"), "`limit` must be at least 0"),
        ((str(SMALL), "--device", "tpu"), "`device` must be one of 'cpu', 'cuda'"),
        ((str(SMALL), "--gpus-per-cell", "0.5"), "`gpus_per_cell` goes with --ray"),
        ((str(SMALL), "--gpus-per-cell", "-1", "--ray"), "`gpus_per_cell` must be at least 0"),
        ((str(SMALL), "--ray"), "`ray` needs the extra cluster: pip install 'wordline[cluster]'"),
        (
            (str(SMALL), "--ray", "auto"),
            "`ray` needs the extra cluster: pip install 'wordline[cluster]'",
        ),
        ((str(SMALL), "--out", "damaged"), "line 1 is no record"),
        (
            (str(SMALL), "--out", "empty.py"),
            "`out` 'empty.py' cannot be written (it is a file); choose another folder",
        ),
        (
            (str(SMALL), "--out", "fresh", "--cache", "empty.py"),
            "`cache` 'empty.py' cannot be written (it is a file)",
        ),
    ],
)
def test_bad_input_is_one_line_and_code_two(
    study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "ray", None)
    Path("empty.py").write_text("")
    Path("damaged").mkdir()
    Path("damaged/records.jsonl").write_text("no json\n")
    code, out, err = study(*arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert err.startswith("wordline: ") and err.count("\n") == 1
    assert not Path("runs").exists() and not Path("fresh/records.jsonl").exists()


def test_a_missing_cuda_is_said_once(
    study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, text, err = study(str(SMALL), "--out", str(tmp_path / "out"), "--device", "cuda")
    assert (code, text, err.count("\n")) == (
        2,
        "",
        1,
    ) and "`device` 'cuda' is not available to torch" in err
    assert not (tmp_path / "out").exists()
