"""A batch of images on its way through both networks, and every figure of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor, nn

from ..layer_pairs import LayerPairs
from ..party import device_of, dtype_of
from .jacobian import Pushed, push
from .ratios import factor, norm, ratio, rows, sensitivity, snr
from .taps import Call, Place, listening, speaking

LOGITS: Place = ("", 0)


class Batch:
    """Some images; software's pass with its graph, and as many passes of the chip as are listened to."""

    def __init__(self, software: nn.Module, chip: nn.Module, pairs: LayerPairs, images: Tensor) -> None:
        self.software, self.chip, self.pairs, self.images = software, chip, pairs, images
        self.n = len(images)
        self.heard: list[tuple[dict[Place, Call], Tensor]] = []  # of every draw: the chip's calls and its logits
        x = self._given(software).requires_grad_()
        with torch.enable_grad(), listening(pairs.software, self.n) as self.calls:
            self.graph = _logits("software", software(x), self.n)

    @property
    def classes(self) -> int:
        """How many logits."""
        return self.graph.shape[1]

    @cached_property
    def logits(self) -> Tensor:
        """Of the software network, `(n, classes)` float64."""
        return rows(self.graph, self.n)

    def listen_to_chip(self) -> None:
        """One pass of the chip; refused where its calls are not those of software."""
        with torch.no_grad(), listening(self.pairs.chip, self.n) as calls:
            logits = _logits("chip", self.chip(self._given(self.chip)), self.n)
        found = {call.place: call for call in calls}
        if set(found) != {call.place for call in self.calls}:
            raise ValueError(
                f"`chip` calls its layers {len(found)} times in a pass, `software` {len(self.calls)} times; "
                "activations can be compared only call by call"
            )
        for call in self.calls:
            if found[call.place].made.shape != call.made.shape:
                raise ValueError(
                    f"`chip` layer {call.name!r} makes {tuple(found[call.place].made.shape)}, that of `software` "
                    f"{tuple(call.made.shape)}; pass the network that was mapped"
                )
        self.heard.append((found, logits))

    def measure(self, *, probes: int, generator: torch.Generator) -> Iterator[tuple[Place, dict[str, Tensor]]]:
        """Every call and every figure of it, `(n,)`, the mean over draws; then those of the logits."""
        noises = [
            [(found[call.place].made.to(call.made) - call.made).detach() for found, _ in self.heard]
            for call in self.calls
        ]
        places = [call.made for call in self.calls]
        vectors = [[place.detach(), *noise] for place, noise in zip(places, noises, strict=True)]
        pushed = push(self.graph, places, vectors, probes=probes, generator=generator)
        for call, noise, reached in zip(self.calls, noises, pushed, strict=True):
            yield call.place, self._of_noise(call) | self._of_layer(call) | self._of_rest(call, noise, reached)
        bs = [rows(logits.to(self.graph), self.n) for _, logits in self.heard]
        yield LOGITS, {
            "snr": _mean([snr(self.logits, b) for b in bs]),
            "noise_sensitivity": _mean([sensitivity(self.logits, b) for b in bs]),
        }

    def _of_noise(self, call: Call) -> dict[str, Tensor]:
        """What the chip's noise is at the layer's input and output."""
        z, a = rows(call.given, self.n), rows(call.made, self.n)
        twins = [found[call.place] for found, _ in self.heard]
        before = [snr(z, rows(twin.given.to(call.given), self.n)) for twin in twins]
        bs = [rows(twin.made.to(call.made), self.n) for twin in twins]
        after = [snr(a, b) for b in bs]
        return {
            "snr": _mean(after),
            "noise_sensitivity": _mean([sensitivity(a, b) for b in bs]),
            "noise_factor": _mean([factor(s_in, s_out) for s_in, s_out in zip(before, after, strict=True)]),
        }

    def _of_layer(self, call: Call) -> dict[str, Tensor]:
        """What software's layer and its activation function do."""
        layer = self.pairs.software[call.name]
        product = call.made.detach()
        if isinstance(getattr(layer, "bias", None), Tensor):
            with torch.no_grad():
                product = product - layer(torch.zeros_like(call.given))
        weight: Tensor = layer.weight  # type: ignore[assignment]
        size = torch.linalg.vector_norm(weight.detach().double())
        ones = torch.ones(self.n, dtype=torch.float64)
        return {
            "layer_cushion": ratio(norm(rows(product, self.n)), size * norm(rows(call.given, self.n))).cpu(),
            "activation_contraction": ones if call.contraction is None else call.contraction.cpu(),
        }

    def _of_rest(self, call: Call, noise: list[Tensor], reached: Pushed) -> dict[str, Tensor]:
        """What the rest of software's network does with the layer's output, and with the noise on it."""
        a = rows(call.made, self.n)
        jx, *jns = (product.detach().double() for product in reached.products)
        smoothness, curvature = [], []
        for n, jn in zip(noise, jns, strict=True):
            moved, scale = self._tail(call, n), ratio(norm(a), norm(rows(n, self.n)) * norm(self.logits))
            scale = torch.where(norm(rows(n, self.n)) == 0, 0.0, scale)
            smoothness.append(norm(moved - jx - jn) * scale)
            curvature.append(norm(moved - self.logits - jn) * scale)
        cushion = ratio(norm(jx) * a.shape[1] ** 0.5, reached.squared.sqrt() * norm(a))
        return {
            "interlayer_cushion": cushion.cpu(),
            "interlayer_smoothness": _mean(smoothness),
            "interlayer_curvature": _mean(curvature),
        }

    def _tail(self, call: Call, noise: Tensor) -> Tensor:
        """M(x + n): software's logits where one layer gives x + n."""
        with torch.no_grad(), speaking(self.pairs.software, call.place, call.made.detach() + noise):
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
