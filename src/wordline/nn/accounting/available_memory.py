"""Memory that is available to a process."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import torch


def available_bytes(device: torch.device, *, root: Path = Path("/")) -> float:
    """Return the bytes that this process can still take on a device; infinite where unknown.

    On the processor: what Linux calls available, or less where a control group (a container, a
    cluster's job) has a limit; elsewhere the free pages that `os.sysconf` knows of. `root`: holds
    `/proc` and `/sys`.
    """
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return float(torch.cuda.mem_get_info(device)[0] + kept)  # torch hands out what it keeps
    if device.type != "cpu":
        return math.inf
    machine = _lines(root / "proc/meminfo").get("MemAvailable", "")
    free = float(machine.split()[0]) * 1024 if machine[:1].isdigit() else _free_pages()
    return max(0.0, min([free, *_left_in_groups(root)]))


def _left_in_groups(root: Path) -> Iterator[float]:
    """Yield the bytes left in this process's control groups, of version 1 or 2."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers not in ("", "memory"):
            continue
        base = root / "sys/fs/cgroup" / controllers
        limit, usage = "memory.max", "memory.current"
        if controllers:
            limit, usage = "memory.limit_in_bytes", "memory.usage_in_bytes"
        group = base / path.lstrip("/")
        for place in (base, *(p for p in (group, *group.parents) if base in p.parents)):
            most, used = _number(place / limit), _number(place / usage)
            if most < 1 << 60 and used < math.inf:  # version 1 writes a huge number for no limit
                # files that were read: memory given up on demand
                dropped = _lines(place / "memory.stat", " ").get("inactive_file", "0")
                yield most - used + (float(dropped) if dropped.isdigit() else 0.0)


def _free_pages() -> float:
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # not on macOS, nothing of it on Windows
        return math.inf


def _number(path: Path) -> float:
    text = _text(path).strip()
    return float(text) if text.isdigit() else math.inf


def _lines(path: Path, between: str = ":") -> dict[str, str]:
    parts = (line.partition(between) for line in _text(path).splitlines())
    return {key.strip(): value.strip() for key, _, value in parts}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
