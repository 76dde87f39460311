"""A trained network mapped onto a crossbar."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ..mapping import Crossbar
from ..progress import AbstractProgress, Silent
from ..values import require_integer, takes_numbers
from .accounting.mapping_memory import StorageOptions
from .accounting.probe import NO_EXAMPLE, Example, example_arguments, probe, require_products
from .build import BuildOptions, build
from .chip import Chip
from .layer_selection import LayerSelection
from .layers.attention import require_separate_packed_weights
from .mapping_plan import require_network


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
    example: Example = NO_EXAMPLE,
    keep_conductances: bool = True,
    progress: AbstractProgress = Silent(),  # noqa: B008 - a value without state
) -> Chip:
    """Map every matrix of a network onto a crossbar.

    Mapped are convolutions, linear, attention and recurrent layers. Returns a new module; `model`
    is not changed. One seed is one chip: each layer draws from its own stream, derived from (seed,
    layer name), so a chip does not depend on the order of layers. `chip.report()` lists what stays
    digital, and why; with `strict=True` anything that stays digital neither by design nor by choice
    raises ValueError.

    - `only`, `exclude`: patterns (`fnmatch`) on the names of layers, or of modules around them,
      such as "head" or "*.q_proj"; `overrides`: pairs (pattern, crossbar), of which the first that
      matches a layer decides.
    - `example`: images, or the tuple of all arguments of a pass. One pass is then probed: every
      product by weights is on arrays, or it is digital and `chip.report()` names it. `strict=True`
      then raises ValueError at any digital product that was not asked for, instead of at layers
      that look as if they might compute one. Outputs that do not depend on the arrays raise
      ValueError, strict or not.
    - A layer used in several places stays one layer, on one set of arrays. Two layers that share a
      weight are programmed each on its own arrays; so is a linear layer that shares it with an
      embedding, which stays digital.
    - `trainable=True` keeps the weights as parameters and programs them again at each call of a
      layer, so at each time step of a recurrent one. A shared weight stays one parameter. A network
      that reads `layer.weight` itself then computes with the software weight; otherwise it reads
      the effective one, and a layer behind converters refuses to be bypassed.
    - `keep_conductances=False` drops the conductances of the layers whose passes do not need them:
      less memory for chips that only compute, and nothing to export or to look at.
      `mapping_memory` says how much.
    - Converters that are scaled to each sample take the first dimension for the samples: build
      networks batch first.

    Raises TypeError for what is not a module or a crossbar and for half-precision weights,
    ValueError for a model in training mode, NaN weights, a pattern that matches nothing, and a
    mapping for which there is not enough memory.

    >>> chip = map_model(nn.Linear(4, 2).eval(), Crossbar.preset("ideal"))
    >>> list(chip.layers)
    ['model']
    """
    require_network(model, crossbar, may_train=trainable)
    require_integer("seed", seed, at_least=0)
    arguments = example_arguments(example)
    selection = LayerSelection(only, exclude, overrides)  # type: ignore[arg-type]
    if trainable:
        require_separate_packed_weights(model)
    storage = StorageOptions(conductances=keep_conductances, trainable=trainable)
    options = BuildOptions(
        selection, storage, strict=strict, probed=len(arguments) > 0, progress=progress
    )
    network = build(model, crossbar, (seed,), lambda layers: layers[0], options)
    chip = Chip(network, crossbar, seed, selection.overrides)
    chip.training = model.training  # this module alone: frozen parts stay in their own mode
    if arguments:
        found = probe(chip, *arguments)
        require_products(found, strict=strict)
        chip.products = found.products
    return chip
