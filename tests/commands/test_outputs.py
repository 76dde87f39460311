"""What a command is to leave behind is tried before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from wordline.commands.options import require_files

MAKES = {
    "advise": ("out", "figure"),
    "audit": ("out", "html"),
    "curve": ("figure",),
    "deviation": ("figure",),
    "evaluate": ("out",),
    "map": ("export", "view"),
    "report": ("out", "csv", "latex", "html"),
    "stability": ("figure",),
}
NAMES = {"figure": "f.png", "html": "p.html", "export": "chip.npz"}
LOADS = ("wordline.models.load_model", "wordline.datasets.load_dataset")


@pytest.mark.parametrize(
    ("command", "option"), [(command, o) for command, made in MAKES.items() for o in made]
)
def test_a_file_below_a_file_is_refused_before_anything_is_loaded(
    wordline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, option: str
) -> None:
    def fail(*_: object) -> None:
        pytest.fail("something was loaded")

    monkeypatch.chdir(tmp_path)
    for name in LOADS:
        monkeypatch.setattr(name, fail)
    (tmp_path / "taken").touch()
    (tmp_path / "results").mkdir()
    words = ("results",) if command == "report" else ()
    file = Path("taken") / NAMES.get(option, "file")
    code, out, err = wordline(command, *words, f"--{option}", str(file))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"wordline: `{option}` 'taken' cannot be written (it is a file")
    folder = Path("results") / NAMES.get(option, "file")
    folder.mkdir()
    code, _, err = wordline(command, *words, f"--{option}", str(folder))
    assert (
        code == 2
        and err == f"wordline: `{option}` {str(folder)!r} is a folder; name a file in it\n"
    )


@pytest.mark.parametrize(("command", "option"), [("quickstart", "out"), ("report", "figures")])
def test_a_folder_that_is_a_file(wordline, tmp_path: Path, command: str, option: str) -> None:
    (tmp_path / "taken").touch()
    (tmp_path / "results").mkdir()
    words = (str(tmp_path / "results"),) if command == "report" else ()
    code, out, err = wordline(command, *words, f"--{option}", str(tmp_path / "taken"))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert (
        f"`{option}` " in err and "cannot be written (it is a file); choose another folder" in err
    )


def test_a_figure_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`figure` must end in .png, .pdf, .svg, got '.*/f.txt'"):
        require_files(("out", tmp_path / "new" / "file"), ("figure", str(tmp_path / "f.txt")))
    assert not (tmp_path / "new").exists()
    require_files(
        ("out", tmp_path / "new" / "file"), ("figure", str(tmp_path / "f.PDF")), ("html", "")
    )
    assert list((tmp_path / "new").iterdir()) == []
