"""Conductances of one sample of a crossbar: as programmed, and during one read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..devices.chunks import MAX_DEVICES, apply_in_chunks, program_in_chunks
from .blocks import Block, TensorAssembly
from .cells import array_shape
from .crossbar import Crossbar


def program_devices(
    target: Tensor, crossbar: Crossbar, *, generator: torch.Generator, overwrite: bool = False
) -> Tensor:
    """Program devices to `target` conductances and apply all that happens once, at programming.

    With `overwrite` the result replaces `target` in memory.
    """
    device = crossbar.device
    asked = overwrite and any(entry.needs_target for entry in crossbar.nonidealities)
    wanted = target.clone() if asked else target
    realised = program_in_chunks(device, target, generator=generator, overwrite=overwrite)
    for entry in crossbar.nonidealities:
        if entry.needs_target:
            realised = entry.apply_to_target(realised, wanted, device, generator=generator)
        elif not entry.per_read:
            realised = apply_in_chunks(
                entry, realised, device, generator=generator, overwrite=overwrite
            )
    return realised


def program_blocks(
    target: Callable[[Block], Tensor],
    blocks: Sequence[Block],
    crossbar: Crossbar,
    generator: torch.Generator,
) -> Tensor:
    """Program all devices of one sample, drawing in the order of the whole layer.

    `target` gives the conductances of a block.
    """
    if len(blocks) == 1:
        return program_devices(target(blocks[0]), crossbar, generator=generator)
    last, (slices, signs) = blocks[-1], array_shape(crossbar)
    tiles = last.groups.stop, last.row_tiles.stop, last.col_tiles.stop
    whole = TensorAssembly((slices * signs, *tiles, *crossbar.tile))
    for block in blocks:
        whole.put(target(block), (slice(None), *block.tiles))
    return program_devices(whole.tensor, crossbar, generator=generator, overwrite=True)


def read_noise(conductances: Tensor, crossbar: Crossbar, *, generator: torch.Generator) -> Tensor:
    """Draw the conductances during one read: those programmed, with all that is drawn per read."""
    entries = [entry for entry in crossbar.nonidealities if entry.per_read]
    large = conductances.numel() > MAX_DEVICES and not conductances.requires_grad
    overwrite = bool(entries) and large
    noisy = conductances.clone() if overwrite else conductances
    for entry in entries:
        noisy = apply_in_chunks(
            entry, noisy, crossbar.device, generator=generator, overwrite=overwrite
        )
    return noisy
