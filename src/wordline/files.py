"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` on a temporary neighbour, then rename it over `path`: a crash leaves the old file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")  # other machines may share the folder
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def require_writable(name: str, folder: Path) -> None:
    """Make `folder` if needed, and refuse it before hours of work if nothing can be written there."""
    probe = folder / f".{os.getpid()}.probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror or "no reason given"
        raise ValueError(f"`{name}` {str(folder)!r} cannot be written ({reason}); choose another folder") from error


def require_writable_file(name: str, path: Path) -> None:
    """The same for one file: refuse a folder, a file that may not be changed, or a folder in which none can be made."""
    if path.is_dir():
        raise ValueError(f"`{name}` {str(path)!r} is a folder; name a file in it")
    if path.exists() and not os.access(path, os.W_OK):
        raise ValueError(f"`{name}` {str(path)!r} is write-protected; choose another file")
    require_writable(name, path.parent)
