"""A trained network in, a chip out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ..mapping import Crossbar
from ..progress import AbstractProgress, Silent
from ..seeds import stream_seed
from ..values import require_integer, takes_numbers
from .attention import require_packs_apart
from .build import build, require_network
from .chip import Chip
from .choice import Choice
from .mapped_layer import MappedLayer, program_part
from .memory import Keeping
from .parts import Part
from .probe import NOTHING, Example, example_arguments, probe, require_products
from .trainable_layer import TrainableLayer


@takes_numbers
def map_model(
    model: nn.Module,
    crossbar: Crossbar,
    seed: int = 0,
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    overrides: Sequence[tuple[str, Crossbar]] = (),
    strict: bool = False,
    trainable: bool = False,
    example: Example = NOTHING,
    keep_conductances: bool = True,
    progress: AbstractProgress = Silent(),  # noqa: B008 - a value without state
) -> Chip:
    """Map every matrix of a network onto a crossbar: convolutions, linear, attention and recurrent layers.

    Returns a new module; `model` is not touched. One seed is one chip: each layer draws from its own stream, derived
    from (seed, layer name), so a chip does not depend on the order of layers. What stays digital, and why, is in
    `chip.report()`; with `strict=True` anything that stays digital neither by design nor by choice raises ValueError.

    - `only`, `exclude`: patterns (`fnmatch`) on layer names, or on those of modules around them, such as "head" or
      "*.q_proj"; `overrides`: pairs (pattern, crossbar), of which the first that matches a layer decides.
    - `example`: images, or the tuple of all arguments of a pass. One pass is then probed: every product by weights is
      on arrays, or it is digital and `chip.report()` names it, and `strict=True` raises ValueError at any of these that
      was not asked for, instead of at layers that look as if they might compute one. Answers that do not depend on the
      arrays raise ValueError, strict or not.
    - A layer used in several places stays one layer, on one set of arrays. Two layers that share a weight are
      programmed each on its own arrays; so is a linear layer that shares it with an embedding, which stays digital.
    - `trainable=True` keeps the weights as parameters and programs them again at each call of a layer, so at each time
      step of a recurrent one. A shared weight stays one parameter. A network that reads `layer.weight` itself then
      computes with the software weight; otherwise it reads the effective one, and converters refuse to be bypassed.
    - `keep_conductances=False` keeps no conductances of the layers whose passes do not need them: less memory for chips
      that are only asked for answers, and nothing to export or to look at. `mapping_memory` says how much.
    - Converters that are scaled to each sample take the first dimension for the samples: build networks batch first.

    Raises TypeError for what is not a module or a crossbar and for half-precision weights, ValueError for a model in
    training mode, NaN weights, a pattern that matches nothing, and a mapping for which there is not enough memory.

    >>> chip = map_model(nn.Linear(4, 2).eval(), Crossbar.preset("ideal"))
    >>> list(chip.layers)
    ['model']
    """
    require_network(model, crossbar, may_train=trainable)
    require_integer("seed", seed, at_least=0)
    arguments = example_arguments(example)
    choice = Choice(only, exclude, overrides)  # type: ignore[arg-type]
    kind = TrainableLayer if trainable else MappedLayer
    keeping = Keeping(conductances=keep_conductances, trainable=trainable)
    if trainable:
        require_packs_apart(model)

    def make(name: str, part: Part, there: Crossbar) -> MappedLayer:
        stream = stream_seed(seed, name)
        with torch.no_grad():
            (programmed,) = program_part(part.product.to_matrix(part.weight), there, (stream,))
        return kind(part, programmed, there, stream, keep_conductances=keep_conductances)

    mapped, digital = build(
        model, crossbar, choice, make, strict=strict, progress=progress, keeping=keeping, probed=len(arguments) > 0
    )
    chip = Chip(mapped, crossbar, seed, digital, choice.overrides)
    chip.training = model.training  # this module alone: parts that the user froze stay as they are
    if arguments:
        found = probe(chip, *arguments)
        require_products(found, strict=strict)
        chip.products = found.products
    return chip
