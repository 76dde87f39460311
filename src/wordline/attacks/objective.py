"""The function an attack maximises: the mean loss of each image over some forwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor

from ..typing import Images, Logits, Mask, PerSample
from .losses import LossFunction

Model = Callable[[Tensor], Tensor]  # images in [0, 1] to logits; an `nn.Module` is one


@final
class Objective:
    """(1/K) sum_k loss(model_k(x), aim) for each image x, over K = `eot` draws of a model.

    `aim` is (labels,) or (labels, targets); with `reach` only the target counts as a success.
    Gradients are taken with respect to the images alone: no gradient of a parameter is computed,
    none is stored. EOT: Athalye et al. 2018 (arXiv 1707.07397).
    """

    def __init__(
        self,
        model: Model,
        loss: LossFunction,
        aim: tuple[Tensor, ...],
        eot: int = 1,
        *,
        reach: bool = False,
    ) -> None:
        self._model, self._loss, self._aim = model, loss, aim
        self._eot, self._reach = eot, reach

    def gradient(self, images: Images) -> tuple[Images, PerSample, Logits]:
        """Compute gradient, loss and logits, each the mean over the draws.

        Raises `ValueError` where there is no gradient with respect to the images, or one that is
        not finite.
        """
        leaf = images.detach().requires_grad_(True)
        gradient, values, logits = self._draw_gradient(leaf)
        if self._eot > 1:
            for _ in range(self._eot - 1):
                more = self._draw_gradient(leaf)
                gradient, values, logits = gradient + more[0], values + more[1], logits + more[2]
            gradient, values, logits = gradient / self._eot, values / self._eot, logits / self._eot
        # The sign of NaN is 0: without this check such an image would silently stay where it is.
        if not torch.isfinite(gradient.sum()):
            bad = int((~torch.isfinite(gradient)).flatten(1).any(1).sum())
            raise ValueError(
                f"`model` has a gradient with NaN or infinity for {bad} of {len(images)} images, "
                "so no attack that follows gradients can judge it; repair the model, or use "
                "`Square` or `RandomSearch`"
            )
        return gradient, values, logits

    def values(self, images: Images) -> tuple[PerSample, Logits]:
        """Compute loss and logits, each the mean over the draws, without a gradient."""
        with torch.no_grad():
            draws = [self._model(images) for _ in range(self._eot)]
            values = [self._loss(logits, *self._aim) for logits in draws]
        if self._eot == 1:
            return values[0], draws[0]
        return torch.stack(values).mean(0), torch.stack(draws).mean(0)

    def fooled(self, logits: Logits) -> Mask:
        """Tell the samples that these logits misclassify, or put into the class to `reach`."""
        found = logits.argmax(1)
        return found == self._aim[1] if self._reach else found != self._aim[0]

    @property
    def repeats(self) -> bool:
        """True where one draw is taken for the model, so that its gradient repeats itself."""
        return self._eot == 1

    def at(self, index: Tensor) -> Objective:
        """Select the objective of some of the samples."""
        aim = tuple(part[index] for part in self._aim)
        return Objective(self._model, self._loss, aim, self._eot, reach=self._reach)

    def _draw_gradient(self, leaf: Images) -> tuple[Images, PerSample, Logits]:
        gradient = None
        with torch.enable_grad():
            logits = self._model(leaf)
            values = self._loss(logits, *self._aim)
            if values.requires_grad:
                gradient = torch.autograd.grad(values.sum(), leaf, allow_unused=True)[0]
        if gradient is None:
            raise ValueError(
                "`model` gives no gradient with respect to the images; declare one "
                "(straight-through, BPDA), or use an attack that only asks for logits "
                "(`Square`, `RandomSearch`)"
            )
        return gradient, values.detach(), logits.detach()
