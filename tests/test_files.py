"""Files that are written whole or not at all."""

import errno
import os
import threading
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
    with pytest.raises(
        ValueError,
        match="`out` '.*file/models' cannot be written .Not a directory.; choose another",
    ):
        require_writable("out", tmp_path / "file" / "models")
    require_writable("out", tmp_path / "new" / "models")
    assert not list((tmp_path / "new" / "models").iterdir())


def test_a_file_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / "file"
    there.write_text("kept")
    with pytest.raises(ValueError, match="`html` '.*' is a folder; name a file in it"):
        require_writable_file("html", tmp_path)
    with pytest.raises(
        ValueError, match="`html` '.*/file' cannot be written .it is a file.; choose"
    ):
        require_writable_file("html", there / "page.html")
    require_writable_file("html", there)
    require_writable_file("html", tmp_path / "new" / "page.html")
    assert there.read_text() == "kept" and not list((tmp_path / "new").iterdir())
    monkeypatch.setattr(
        "os.access", lambda path, mode: Path(path) != there
    )  # root may write everything
    with pytest.raises(
        ValueError, match="`html` '.*/file' is write-protected; choose another file"
    ):
        require_writable_file("html", there)
    require_writable_file("html", tmp_path / "new" / "page.html")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_names_the_file_and_leaves_what_was_there(tmp_path: Path, code: int) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def directly(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError(code, os.strerror(code))

    def while_cleaning_up(temporary: Path) -> None:
        try:
            directly(temporary)
        finally:
            raise RuntimeError("the archive could not be closed")

    for write in (directly, while_cleaning_up):
        said = (
            f"'{path}' cannot be written .{os.strerror(code)}.; what was there before is unchanged"
        )
        with pytest.raises(OSError, match=said) as caught:
            write_atomically(path, write)
        assert caught.value.errno == code
        assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_other_errors_are_passed_on(tmp_path: Path) -> None:
    def fail(temporary: Path) -> None:
        raise RuntimeError("not of the disk")

    with pytest.raises(RuntimeError, match="not of the disk"):
        write_atomically(tmp_path / "file", fail)


def test_devices_pipes_and_links_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="'/dev/full' cannot be written .No space left on device"):
        write_atomically(Path("/dev/full"), lambda temporary: temporary.write_text("text"))
    assert Path("/dev/full").is_char_device()
    require_writable_file("out", Path("/dev/full"))
    os.mkfifo(tmp_path / "pipe")
    heard: list[str] = []
    reader = threading.Thread(target=lambda: heard.append((tmp_path / "pipe").read_text()))
    reader.start()
    write_atomically(tmp_path / "pipe", lambda temporary: temporary.write_text("text"))
    reader.join()
    assert heard == ["text"] and (tmp_path / "pipe").is_fifo()
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "target")
    write_atomically(tmp_path / "link", lambda temporary: temporary.write_text("text"))
    assert (tmp_path / "link").is_symlink() and (tmp_path / "deep" / "target").read_text() == "text"
