"""Files that are written whole or not at all."""

from pathlib import Path

import pytest

from wordline.files import require_writable, write_atomically


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
