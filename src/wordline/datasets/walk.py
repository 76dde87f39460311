"""Files and folders as people see them: links followed, and without the files of systems."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

SYSTEM = {  # Windows, macOS, Synology, file systems, Python; names with a dot in front besides
    "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information",
    "__macosx", "icon\r", "@eadir", "#recycle", "lost+found", "__pycache__",
}  # fmt: skip


def entries(folder: Path) -> list[Path]:
    """List a folder by name, without hidden and system files and folders."""
    try:
        return sorted(path for path in folder.iterdir() if not is_ignored(path.name))
    except OSError as error:
        raise ValueError(
            f"`root` has the folder {str(folder)!r}, which cannot be read ({error.strerror})"
        ) from error


def is_ignored(name: str) -> bool:
    """Return True for names of hidden files and of files that a system made.

    >>> [is_ignored(name) for name in ("._0.png", ".ipynb_checkpoints", "Thumbs.db", "0.png")]
    [True, True, True, False]
    """
    return name.startswith(".") or name.lower() in SYSTEM


def files_below(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield every file below a folder, links followed.

    Raises ValueError for a link that leads nowhere, or back to a folder above it.
    """
    above = (*above, folder.resolve())
    for path in entries(folder):
        if not path.is_dir():
            if not path.exists():
                raise ValueError(
                    f"`root` has the link {str(path)!r}, which leads to nothing; remove or mend it"
                )
            yield path
        elif any(parent.is_relative_to(path.resolve()) for parent in above):
            raise ValueError(
                f"`root` has the link {str(path)!r}, which leads back to a folder above it; "
                "remove it"
            )
        else:
            yield from files_below(path, above)
