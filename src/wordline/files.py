"""Writing of files: whole or not at all, and refused before hours of work."""

from __future__ import annotations

import errno
import os
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all: call `write` on a temporary neighbour, then rename that.

    A crash leaves the old file or none. A link stays one, and its target is written; a device or a
    pipe is written into. A full disk raises an `OSError` that names the file, whatever error the
    writing library made of it.
    """
    path = Path(os.path.realpath(path))
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            with tempfile.TemporaryDirectory() as folder:
                write(Path(folder) / path.name)
                path.write_bytes((Path(folder) / path.name).read_bytes())
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        # a name that no other machine takes: the folder may be shared
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        try:
            write(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except Exception as error:
        if (full := _full_disk(error)) is None:
            raise
        raise write_error(path, full) from error


def write_error(path: Path, error: OSError) -> OSError:
    """Return the error with the name of the file, which reports of a full disk often leave out."""
    named = OSError(
        f"{str(path)!r} cannot be written ({error.strerror}); what was there before is unchanged"
    )
    named.errno = error.errno
    return named


def _full_disk(error: BaseException | None) -> OSError | None:
    """Find the error of a full disk, perhaps below one that cleaning up raised in turn."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return error
        error = error.__context__
    return None


def require_writable(name: str, folder: Path) -> None:
    """Make `folder` if needed; refuse one that cannot be written, before hours of work."""
    probe = folder / f".{os.getpid()}.probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        is_file = isinstance(error, FileExistsError)
        reason = "it is a file" if is_file else error.strerror or "no reason given"
        raise ValueError(
            f"`{name}` {str(folder)!r} cannot be written ({reason}); choose another folder"
        ) from error


def require_writable_file(name: str, path: Path) -> None:
    """Refuse a path where no file can be written: a folder, a protected file, or below a file."""
    if path.is_dir():
        raise ValueError(f"`{name}` {str(path)!r} is a folder; name a file in it")
    if path.exists() and not path.is_file():
        return  # a device or a pipe, such as /dev/stdout
    if path.exists() and not os.access(path, os.W_OK):
        raise ValueError(f"`{name}` {str(path)!r} is write-protected; choose another file")
    require_writable(name, path.parent)
