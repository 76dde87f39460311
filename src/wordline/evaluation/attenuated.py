"""Software with smaller weights: the attenuated twin of a chip, and weights times one factor."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from ..datasets import Pairs
from ..nn import Chip
from ..nn.layers.matrix_view import MatrixView
from ..nn.rebuilt import with_weights
from ..records import Attenuated, Scaled
from ..values import require_number, takes_numbers
from .attenuation import Per, attenuation
from .identify import display_name, identify
from .requirements import require_evaluation_mode


@takes_numbers
def attenuated(
    *,
    software: nn.Module,
    chip: Chip,
    per: Per = "layer",
    data: Pairs | None = None,
    limit: int = 100,
    batch_size: int = 100,
) -> nn.Module:
    """Multiply software's mapped weights by the mean gain of a chip: its attenuated twin.

        w -> factor w,    factor = sum(w w') / sum(w w)

    with one factor for each layer, each column of its arrays (each output), or the whole network;
    see `attenuation`, which returns the factors and takes the same arguments. Biases,
    normalisations and all that is digital stay. The twin is what a chip would be if its arrays did
    nothing but lose current: if it gains as much accuracy under attack, that is what the chip's
    gain is made of, and `robust_gain(chip's record, twin's record)` is the rest. Its records say
    of which chip it is.

    Neither network is changed; returns a new one in evaluation mode. Raises as `attenuation` does.

    >>> from wordline.mapping import Crossbar
    >>> from wordline.nn import map_model
    >>> import torch
    >>> net = nn.Sequential(nn.Linear(4, 2)).eval()
    >>> half = map_model(net, Crossbar.preset("ideal"))
    >>> _ = half.layers["0"].effective_weight.mul_(0.5)  # arrays that lose half of the current
    >>> twin = attenuated(software=net, chip=half)
    >>> torch.allclose(twin(torch.ones(1, 4)), half(torch.ones(1, 4)))
    True
    """
    factors = attenuation(
        software=software, chip=chip, per=per, data=data, limit=limit, batch_size=batch_size
    )
    return with_factors(software, factors, Attenuated(identify(software), identify(chip), per))


def scaled(*, software: nn.Module, factor: float) -> nn.Module:
    """Multiply all weights that a chip would hold by one factor >= 0; biases stay.

    What software can have without any hardware; the factor is a number of its own, of no chip.
    Returns a new network in evaluation mode.

    >>> import torch
    >>> net = nn.Sequential(nn.Linear(2, 1, bias=False)).eval()
    >>> x = torch.ones(1, 2)
    >>> torch.allclose(scaled(software=net, factor=0.9)(x), 0.9 * net(x))
    True
    """
    require_evaluation_mode("software", software)
    require_number("factor", factor, at_least=0.0)
    changed = with_weights(software, lambda name, view: view.weight.double() * factor)
    return _with_origin(changed, software, Scaled(identify(software), float(factor)))


def with_factors(
    software: nn.Module, factors: Mapping[str, Tensor], origin: Attenuated
) -> nn.Module:
    """Multiply the columns of each matrix named by its factor: one, or one a column."""

    def change(name: str, view: MatrixView) -> Tensor:
        matrix = view.product.to_matrix(view.weight.double())
        factor = factors[name].to(matrix)
        if factor.dim():
            factor = factor.view(len(matrix), 1, -1)
        return view.product.to_weight(matrix * factor, tuple(view.weight.shape)).contiguous()

    return _with_origin(with_weights(software, change, factors), software, origin)


def _with_origin(changed: nn.Module, software: nn.Module, origin: Attenuated | Scaled) -> nn.Module:
    """Say of a network where its weights are from; a single layer keeps its software's name."""
    changed.origin = origin  # type: ignore[assignment]
    changed.display_name = display_name(software)  # type: ignore[assignment]
    return changed.eval()
