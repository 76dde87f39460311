"""One batch of images in both networks, and every figure of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor, nn

from ...models.batches import device_of, dtype_of
from ..layer_pairs import LayerPairs
from .hooks import Call, CallId, record_calls, replace_output
from .jacobian import JacobianProducts, jacobian_products
from .ratios import factor, norm, ratio, rows, sensitivity, snr

LOGITS: CallId = ("", 0)


class Batch:
    """Some images, software's pass on them with its graph, and passes of the chip."""

    def __init__(
        self, software: nn.Module, chip: nn.Module, pairs: LayerPairs, images: Tensor
    ) -> None:
        self.software, self.chip, self.pairs, self.images = software, chip, pairs, images
        self.n = len(images)
        self.draws: list[tuple[dict[CallId, Call], Tensor]] = []  # the chip's calls and its logits
        x = self._given(software).requires_grad_()
        with torch.enable_grad(), record_calls(pairs.software, self.n) as self.calls:
            self.graph = _logits("software", software(x), self.n)

    @property
    def classes(self) -> int:
        """The number of logits."""
        return self.graph.shape[1]

    @cached_property
    def logits(self) -> Tensor:
        """Logits of the software network, `(n, classes)` float64."""
        return rows(self.graph, self.n)

    def run_chip(self) -> None:
        """Record one pass of the chip; refuse one whose calls are not those of software."""
        with torch.no_grad(), record_calls(self.pairs.chip, self.n) as calls:
            logits = _logits("chip", self.chip(self._given(self.chip)), self.n)
        found = {call.id: call for call in calls}
        if set(found) != {call.id for call in self.calls}:
            raise ValueError(
                f"`chip` calls its layers {len(found)} times in a pass, `software` "
                f"{len(self.calls)} times; activations can be compared only call by call"
            )
        for call in self.calls:
            ours, theirs = found[call.id].output.shape, call.output.shape
            if ours != theirs:
                raise ValueError(
                    f"`chip` layer {call.name!r} makes {tuple(ours)}, that of `software` "
                    f"{tuple(theirs)}; pass the network that was mapped"
                )
        self.draws.append((found, logits))

    def measure(
        self, *, probes: int, generator: torch.Generator
    ) -> Iterator[tuple[CallId, dict[str, Tensor]]]:
        """Yield every call and its figures, `(n,)`, the mean over draws; then those of the logits.

        `probes` and `generator`: of the estimate of a Jacobian's norm.
        """
        noises = [
            [(found[c.id].output.to(c.output) - c.output).detach() for found, _ in self.draws]
            for c in self.calls
        ]
        outputs = [call.output for call in self.calls]
        vectors = [[out.detach(), *noise] for out, noise in zip(outputs, noises, strict=True)]
        products = jacobian_products(
            self.graph, outputs, vectors, probes=probes, generator=generator
        )
        for call, noise, product in zip(self.calls, noises, products, strict=True):
            figures = self._noise_figures(call) | self._layer_figures(call)
            yield call.id, figures | self._rest_figures(call, noise, product)
        bs = [rows(logits.to(self.graph), self.n) for _, logits in self.draws]
        yield (
            LOGITS,
            {
                "snr": _mean([snr(self.logits, b) for b in bs]),
                "noise_sensitivity": _mean([sensitivity(self.logits, b) for b in bs]),
            },
        )

    def _noise_figures(self, call: Call) -> dict[str, Tensor]:
        """Compute the chip's noise at the layer's input and output."""
        z, a = rows(call.given, self.n), rows(call.output, self.n)
        same = [found[call.id] for found, _ in self.draws]
        before = [snr(z, rows(other.given.to(call.given), self.n)) for other in same]
        bs = [rows(other.output.to(call.output), self.n) for other in same]
        after = [snr(a, b) for b in bs]
        factors = [factor(s_in, s_out) for s_in, s_out in zip(before, after, strict=True)]
        return {
            "snr": _mean(after),
            "noise_sensitivity": _mean([sensitivity(a, b) for b in bs]),
            "noise_factor": _mean(factors),
        }

    def _layer_figures(self, call: Call) -> dict[str, Tensor]:
        """Compute the figures of software's layer and of its activation function."""
        layer = self.pairs.software[call.name]
        product = call.output.detach()
        if isinstance(getattr(layer, "bias", None), Tensor):
            with torch.no_grad():
                product = product - layer(torch.zeros_like(call.given))
        weight: Tensor = layer.weight  # type: ignore[assignment]
        size = torch.linalg.vector_norm(weight.detach().double())
        ones = torch.ones(self.n, dtype=torch.float64)
        cushion = ratio(norm(rows(product, self.n)), size * norm(rows(call.given, self.n)))
        contraction = ones if call.contraction is None else call.contraction.cpu()
        return {"layer_cushion": cushion.cpu(), "activation_contraction": contraction}

    def _rest_figures(
        self, call: Call, noise: list[Tensor], reached: JacobianProducts
    ) -> dict[str, Tensor]:
        """Compute the response of the rest of software's network to an output and its noise."""
        a = rows(call.output, self.n)
        jx, *jns = (product.detach().double() for product in reached.products)
        smoothness, curvature = [], []
        for n, jn in zip(noise, jns, strict=True):
            size = norm(rows(n, self.n))
            scale = torch.where(size == 0, 0.0, ratio(norm(a), size * norm(self.logits)))
            moved = self._moved_logits(call, n)
            smoothness.append(norm(moved - jx - jn) * scale)
            curvature.append(norm(moved - self.logits - jn) * scale)
        cushion = ratio(norm(jx) * a.shape[1] ** 0.5, reached.squared.sqrt() * norm(a))
        return {
            "interlayer_cushion": cushion.cpu(),
            "interlayer_smoothness": _mean(smoothness),
            "interlayer_curvature": _mean(curvature),
        }

    def _moved_logits(self, call: Call, noise: Tensor) -> Tensor:
        """Compute M(x + n): software's logits where one layer gives x + n."""
        output = call.output.detach() + noise
        with torch.no_grad(), replace_output(self.pairs.software, call.id, output):
            logits: Tensor = self.software(self._given(self.software))
        return logits.double()

    def _given(self, model: nn.Module) -> Tensor:
        return self.images.to(device_of(model), dtype_of(model), copy=True)


def _mean(draws: list[Tensor]) -> Tensor:
    return torch.stack(draws).mean(0).cpu()


def _logits(name: str, found: object, images: int) -> Tensor:
    if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != images:
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise TypeError(f"`{name}` must give logits of shape ({images}, classes), got {shape}")
    return found
