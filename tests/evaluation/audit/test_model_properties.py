"""Networks that are no plain function of their images: probabilities, gradients inside."""

import cProfile
import sys

import pytest
import torch
from torch import Tensor, nn

from wordline.evaluation.audit import model_properties

from .conftest import Out
from .small import Linear, context


def by_grad(x: Tensor) -> None:
    torch.autograd.grad((x * x).sum(), x)


def by_method(x: Tensor) -> None:
    (x * x).sum().backward()


def by_function(x: Tensor) -> None:
    torch.autograd.backward((x * x).sum())


def by_torch_func(x: Tensor) -> None:
    torch.func.grad(lambda y: (y * y).sum())(x.detach())


def by_nothing(x: Tensor) -> None:
    (x * x).sum()


class Inwardly(nn.Module):
    """Asks for gradients inside its forward pass, in one of many ways."""

    def __init__(self, ask) -> None:
        super().__init__()
        self.ask, self.inner = ask, Linear()
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        with torch.enable_grad():
            self.ask(images.detach().requires_grad_())
        return self.inner(images)


@pytest.mark.parametrize("watcher", ["none", "profiler", "tracer", "cProfile"])
@pytest.mark.parametrize("ask", [by_grad, by_method, by_function, by_torch_func, by_nothing])
def test_gradients_inside_are_noticed_beside_other_watchers(greys, ask, watcher: str) -> None:
    def mine(frame, event, argument):
        return mine

    profiler = cProfile.Profile()
    before = sys.getprofile(), sys.gettrace()
    try:
        if watcher == "profiler":
            sys.setprofile(mine)
        elif watcher == "tracer":
            sys.settrace(mine)
        elif watcher == "cProfile":
            profiler.enable()
        watching = sys.getprofile(), sys.gettrace()
        finding = model_properties.NoInnerGradients().run(context(Inwardly(ask), greys))
        assert (sys.getprofile(), sys.gettrace()) == watching
    finally:
        profiler.disable()
        sys.setprofile(before[0])
        sys.settrace(before[1])
    calls = 0 if ask is by_nothing else 1
    assert finding.figures["gradient_calls"] == calls
    assert finding.status == ("fail" if calls else "pass")


def test_every_run_of_autograd_counts_once() -> None:
    x = torch.ones(1, requires_grad=True)
    with model_properties.counted_gradients() as runs:
        by_grad(x)
        by_method(x)
    by_grad(x)
    assert len(runs) == 2


def test_probabilities_are_no_logits(greys) -> None:
    assert (
        model_properties.Logits().run(context(Out(Linear(), lambda z: z.softmax(1)), greys)).status
        == "fail"
    )
    assert model_properties.Logits().run(context(Linear(), greys)).status == "pass"
