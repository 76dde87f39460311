"""Chips under forward mode, vmap and torch.func: the declared derivative, or an error in words."""

import dataclasses
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, jacfwd, jacrev, jvp, stack_module_state, vjp, vmap

import wordline as wl
from wordline.circuits import SinhDevice
from wordline.kernels.reads import adc_kernel
from wordline.nn.reading import read_fast

BASE = wl.Crossbar.preset("rethinking-16")
ADC = wl.UniformConverter(bits=8, range=wl.FullScale())
CROSSBARS = {
    "matrix": BASE,
    "noise": dataclasses.replace(BASE, nonidealities=(wl.ReadNoise(0.1),)),
    "dac": dataclasses.replace(BASE, dac=wl.UniformConverter(bits=8, range=wl.SampleMax())),
    "adc": dataclasses.replace(BASE, adc=ADC),
    "saturating": dataclasses.replace(
        BASE, adc=wl.UniformConverter(bits=6, range=wl.FullScale(0.02))
    ),
    "blind": dataclasses.replace(
        BASE, adc=wl.UniformConverter(bits=6, range=wl.FullScale(), gradient="none")
    ),
    "noise and adc": dataclasses.replace(BASE, nonidealities=(wl.ReadNoise(0.1),), adc=ADC),
    "streams": dataclasses.replace(
        BASE,
        adc=wl.UniformConverter(bits=7, range=wl.FullScale(0.3)),
        slicing=wl.BitSlicing(4, 2, 4, 2, accumulator_bits=12, accumulator_drops=1),
    ),
    "curved": dataclasses.replace(BASE, array=wl.NonlinearArray(SinhDevice(b=4.0))),
    "ideal backward": dataclasses.replace(BASE, array=wl.IdealBackward(wl.ExactArray())),
}
CODE = 0.02  # two ways to sum may round to neighbouring codes
# Seeds of images whose column sums and accumulated sums are at least 0.2 % of a code from the next
# one, in the network and, of their squares, in one linear layer: both ways to sum give one code.
FAR_FROM_EDGES = 13716, 22463
SQUARES_FAR_FROM_EDGES = 45, 54
Function = Callable[[Tensor], Tensor]


@pytest.fixture(scope="module")
def network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Flatten(-3), nn.Linear(8, 3)).eval()


@pytest.fixture(params=[True, False], ids=["kernel", "plain torch"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of a read on every processor.

    The kernel, which is for those with AVX-512, works on others too.
    """
    monkeypatch.setattr(adc_kernel, "AVAILABLE", request.param)


@pytest.fixture
def x(rng: torch.Generator) -> Tensor:
    return torch.rand(2, 1, 4, 4, generator=rng) - 0.3


def images_of(*seeds: int) -> Tensor:
    """Return one image for each seed."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return torch.stack([torch.rand(1, 4, 4, generator=g) for g in generators]) - 0.3


@pytest.fixture(
    params=[*CROSSBARS, *(f"{name}, trained" for name in ("matrix", "noise", "adc", "streams"))]
)
def chip(request: pytest.FixtureRequest, network: nn.Module) -> Iterator[wl.Chip]:
    name, _, trained = request.param.partition(", ")
    chip = wl.map_model(network, CROSSBARS[name], seed=1, trainable=bool(trained))
    yield chip
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor
    assert not any(wrapped(tensor) for tensor in (*chip.parameters(), *chip.buffers()))


def anew(chip: wl.Chip) -> Function:
    """Each call reads with the same noise."""
    return lambda x: chip.restart(3)(x)


def test_forward_mode_is_the_declared_derivative(
    chip: wl.Chip, x: Tensor, rng: torch.Generator
) -> None:
    f, along = anew(chip), torch.rand(x.shape, generator=rng)
    wanted = torch.einsum("abcdef,cdef->ab", torch.autograd.functional.jacobian(f, x), along)
    answers, found = jvp(f, (x,), (along,))
    torch.testing.assert_close(answers, f(x), rtol=0, atol=CODE)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)
    for recording in (True, False):
        with forward_ad.dual_level(), torch.set_grad_enabled(recording):
            dual = forward_ad.unpack_dual(f(forward_ad.make_dual(x, along))).tangent
        torch.testing.assert_close(
            dual if dual is not None else torch.zeros_like(wanted), wanted, rtol=1e-4, atol=1e-6
        )


@pytest.mark.usefixtures("kernel")
def test_jacobians_and_vjps(
    chip: wl.Chip, rng: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = images_of(*FAR_FROM_EDGES)
    f, towards = anew(chip), torch.rand(2, 3, generator=rng)
    wanted = torch.autograd.functional.jacobian(f, x)
    (pulled,) = vjp(f, x)[1](towards)
    found = [jacrev(f)(x), jacfwd(f)(x)]
    chip.requires_grad_(False)  # weights that learn keep a read in plain torch
    found.append(torch.autograd.functional.jacobian(f, x))
    monkeypatch.setattr(adc_kernel, "AVAILABLE", False)
    found.append(torch.autograd.functional.jacobian(f, x))
    for jacobian in found:
        torch.testing.assert_close(jacobian, wanted, rtol=1e-4, atol=1e-6)
    each = torch.einsum("ab,abcdef->cdef", towards, wanted)
    torch.testing.assert_close(pulled, each, rtol=1e-4, atol=1e-6)


@pytest.mark.usefixtures("kernel")
def test_vmap_is_one_sample_after_another(chip: wl.Chip, x: Tensor, rng: torch.Generator) -> None:
    f, towards = anew(chip), torch.rand(2, 3, generator=rng)
    one_by_one = torch.stack([f(sample) for sample in x])
    torch.testing.assert_close(vmap(f)(x), one_by_one, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(
        vmap(f, in_dims=1)(x.transpose(0, 1)), one_by_one, rtol=1e-5, atol=1e-6
    )
    torch.testing.assert_close(vmap(f)(x[:, None])[:, 0], one_by_one, rtol=1e-5, atol=1e-6)
    (wanted,) = vjp(f, x)[1](towards)
    torch.testing.assert_close(
        vmap(grad(lambda s, t: (f(s) * t).sum()))(x, towards), wanted, rtol=1e-4, atol=1e-6
    )
    torch.testing.assert_close(
        grad(lambda s: (vmap(f)(s) * towards).sum())(x), wanted, rtol=1e-4, atol=1e-6
    )


def test_derivatives_by_the_parameters(chip: wl.Chip, x: Tensor, rng: torch.Generator) -> None:
    parameters = {
        name: value.detach().clone().requires_grad_() for name, value in chip.named_parameters()
    }

    def loss(given: dict[str, Tensor], images: Tensor = x) -> Tensor:
        chip.restart(3)
        return functional_call(chip, given, (images,)).square().sum()

    wanted = dict(
        zip(
            parameters,
            torch.autograd.grad(loss(parameters), list(parameters.values())),
            strict=True,
        )
    )
    plain = {name: value.detach() for name, value in parameters.items()}
    along = {name: torch.rand(value.shape, generator=rng) for name, value in parameters.items()}
    each = vmap(grad(loss), in_dims=(None, 0))(plain, x[:, None])
    for name, gradient in grad(loss)(plain).items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(each[name].sum(0), wanted[name], rtol=1e-4, atol=1e-5)
    pushed = jvp(loss, (plain,), (along,))[1]
    torch.testing.assert_close(
        pushed, sum((wanted[n] * along[n]).sum() for n in wanted), rtol=1e-4, atol=1e-5
    )


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("name", ["dac", "adc", "saturating", "streams", "noise and adc"])
def test_second_derivatives_follow_what_surrounds_the_converters(name: str) -> None:
    # y = J(x^2) v piecewise linear: the Hessian of |y|^2 is that of autograd through the same J in
    # plain torch.
    layer = nn.Linear(16, 3).eval()
    layer.weight.data = torch.linspace(-1, 1, 48).view(3, 16)
    f = anew(wl.map_model(layer, CROSSBARS[name], seed=1))
    z = images_of(*SQUARES_FAR_FROM_EDGES).flatten(1)
    matrix = torch.autograd.functional.jacobian(f, z.square())
    answers = f(z.square()).detach()

    def linear(u: Tensor) -> Tensor:
        return (
            (answers + torch.einsum("abcd,cd->ab", matrix, u.square() - z.square())).square().sum()
        )

    def loss(u: Tensor) -> Tensor:
        return f(u.square()).square().sum()

    wanted = torch.autograd.functional.hessian(linear, z)
    for outer in (jacfwd, jacrev):
        for inner in (jacfwd, jacrev):
            torch.testing.assert_close(outer(inner(loss))(z), wanted, rtol=1e-4, atol=1e-4)
    _, pull = vjp(f, z)
    torch.testing.assert_close(
        jvp(pull, (answers,), (answers,))[1][0], pull(answers)[0], rtol=1e-4, atol=1e-5
    )
    leaf = z.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(leaf), leaf, create_graph=True)
    (product,) = torch.autograd.grad(gradient.sum(), leaf)
    torch.testing.assert_close(product, wanted.sum((0, 1)), rtol=1e-4, atol=1e-4)


def test_conversions_are_counted_under_vmap(
    x: Tensor, network: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kernel in (True, False):
        monkeypatch.setattr(adc_kernel, "AVAILABLE", kernel)
        chip, other = (wl.map_model(network, CROSSBARS["saturating"]) for _ in range(2))
        chip(x), vmap(other)(x)
        for one, two in zip(chip.layers.values(), other.layers.values(), strict=True):
            assert (one.tally.conversions, one.tally.saturated) == (
                two.tally.conversions,
                two.tally.saturated,
            )


def test_one_vmapped_pass_is_one_read(x: Tensor, network: nn.Module) -> None:
    chip = wl.map_model(network, CROSSBARS["noise and adc"])
    torch.testing.assert_close(vmap(chip.restart(3))(x), chip.restart(3)(x))
    assert [layer.noise.reads for layer in chip.layers.values()] == [1, 1]


def test_stacked_chips(x: Tensor, network: nn.Module) -> None:
    for name in ("matrix", "adc", "streams"):
        chips = [wl.map_model(network, CROSSBARS[name], seed=seed) for seed in (1, 2)]
        together = vmap(lambda p, b, first=chips[0]: functional_call(first, (p, b), (x,)))(
            *stack_module_state(chips)
        )
        torch.testing.assert_close(
            together, torch.stack([chip(x) for chip in chips]), rtol=0, atol=CODE
        )


@pytest.mark.parametrize("trainable", [False, True])
def test_stacked_chips_with_streams_of_their_own_are_refused(
    x: Tensor, network: nn.Module, trainable: bool
) -> None:
    crossbar = CROSSBARS["matrix" if trainable else "noise"]
    chips = [wl.map_model(network, crossbar, seed=seed, trainable=trainable) for seed in (1, 2)]
    with pytest.raises(
        ValueError, match="`vmap` over chips with read noise, or that program themselves"
    ):
        vmap(lambda p, b: functional_call(chips[0], (p, b), (x,)))(*stack_module_state(chips))


def test_what_the_kernel_cannot_do_is_refused(
    x: Tensor, network: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_fast, "applies", lambda *_: True)
    chip = wl.map_model(network, CROSSBARS["adc"])
    with pytest.raises(
        ValueError, match="`is_grads_batched` and `vectorize=True` cannot differentiate the arrays"
    ):
        torch.autograd.functional.jacobian(chip, x, vectorize=True)
    chip.layers["3"].response.requires_grad_()
    with pytest.raises(
        NotImplementedError, match="a read by the kernel has no derivative by its devices"
    ):
        chip(x).sum().backward()


def test_the_gradient_of_another_network_goes_forward_too(x: Tensor, network: nn.Module) -> None:
    led = wl.SurrogateGradient(wl.map_model(network, CROSSBARS["blind"]), network)
    torch.testing.assert_close(jacfwd(led)(x), jacrev(network)(x))
    torch.testing.assert_close(vmap(led)(x), led(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["dac", "adc", "curved"])
def test_activations_of_another_width_are_refused(name: str) -> None:
    # Rows without a voltage answer too: before, two columns of a layer of three inputs gave
    # numbers.
    pairs: list[tuple[nn.Module, tuple[int, ...]]] = [
        (nn.Linear(3, 2), (2, 2)), (nn.Conv2d(2, 2, 2), (1, 1, 3, 3)),
        (nn.Conv1d(4, 4, 2, groups=2), (1, 2, 3)), (nn.ConvTranspose2d(3, 2, 2), (1, 4, 2, 2)),
    ]  # fmt: skip
    for layer, wrong in pairs:
        with pytest.raises(ValueError, match=r"`x` of shape .* drives \d+ rows of a layer of \d+"):
            wl.map_model(layer.eval(), CROSSBARS[name])(torch.ones(wrong))
