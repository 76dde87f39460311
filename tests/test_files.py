"""Files that are written whole or not at all."""

from pathlib import Path

import pytest

from wordline.files import require_writable, require_writable_file, write_atomically


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_atomically(path, lambda temporary: temporary.write_text("old"))

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, fail)
    assert path.read_text() == "old" and list(path.parent.iterdir()) == [path]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="`out` '.*file/models' cannot be written .Not a directory.; choose another"):
        require_writable("out", tmp_path / "file" / "models")
    require_writable("out", tmp_path / "new" / "models")
    assert not list((tmp_path / "new" / "models").iterdir())


def test_a_file_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / "file"
    there.write_text("kept")
    with pytest.raises(ValueError, match="`html` '.*' is a folder; name a file in it"):
        require_writable_file("html", tmp_path)
    with pytest.raises(ValueError, match="`html` '.*/file' cannot be written .it is a file.; choose"):
        require_writable_file("html", there / "page.html")
    require_writable_file("html", there)
    require_writable_file("html", tmp_path / "new" / "page.html")
    assert there.read_text() == "kept" and not list((tmp_path / "new").iterdir())
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != there)  # root may write everything
    with pytest.raises(ValueError, match="`html` '.*/file' is write-protected; choose another file"):
        require_writable_file("html", there)
    require_writable_file("html", tmp_path / "new" / "page.html")
