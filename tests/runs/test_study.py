"""Study files load without surprises, and say in one line what is wrong with them."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from wordline.runs import Study, load_study
from wordline.runs.study import SCALES

ROOT = Path(__file__).parents[2]
SMALL = Path(__file__).parent / "small.py"
STUDIES = [
    path for path in sorted((ROOT / "studies").glob("*.py")) if "STUDY = Study(" in path.read_text()
]


def test_a_study_is_loaded_and_nothing_else_changes() -> None:
    before = list(sys.path)
    study = load_study(SMALL)
    assert study.title == "Small"
    assert len(study.at("quick")) == 10
    assert sys.path == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CELLS = ()", "`study` file '.*s.py' has no STUDY; give it one"),
        ("STUDY = 3", "`study` file '.*s.py' has a STUDY that is a int, no wordline Study"),
        ("import no_such_module", "`study` file '.*s.py' fails when imported .*no_such_module"),
        ("def f(:", "`study` file '.*s.py' fails when imported .*SyntaxError"),
    ],
)
def test_files_that_are_no_study(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "s.py").write_text(text)
    with pytest.raises((ValueError, TypeError), match=message):
        load_study(tmp_path / "s.py")
    assert "wordline_study_s" not in sys.modules or text == "CELLS = ()" or text == "STUDY = 3"


def test_what_is_not_there_or_no_python_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("")
    for path in (tmp_path / "none.py", tmp_path / "s.txt", tmp_path):
        with pytest.raises(ValueError, match="`study` must be an existing Python file"):
            load_study(path)


def test_cells_are_checked() -> None:
    study = load_study(SMALL)
    with pytest.raises(ValueError, match="`scale` must be one of 'quick', 'paper', got 'huge'"):
        study.at("huge")
    with pytest.raises(ValueError, match="`cells` of 'Small' is empty at scale 'quick'"):
        dataclasses.replace(study, cells=lambda scale: ()).at("quick")
    with pytest.raises(TypeError, match="`cells` of 'Small' must hold cells, got a int: 3"):
        dataclasses.replace(study, cells=lambda scale: (3,)).at("quick")


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_says_what_it_is_and_has_cells(path: Path) -> None:
    study = load_study(path)
    assert isinstance(study, Study)
    head = path.read_text().split('"""')[1]
    for word in ("Reproduces", "Command", "Time", "Expect"):
        assert f"\n{word}" in head, word
    for scale in SCALES:
        cells = study.at(scale)
        assert len({cell.identity() for cell in cells}) == len(cells)
    assert len(study.at("paper")) > len(study.at("quick"))
