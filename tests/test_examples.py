"""The examples run, and give the numbers that their heads announce."""

import importlib.util
import shlex
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import save_file

from wordline import cli
from wordline.models import from_factory

ROOT = Path(__file__).parents[1]


def example_of(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


def test_a_chip_goes_straight_into_foolbox_and_pyautoattack() -> None:
    pytest.importorskip("foolbox")
    pytest.importorskip("pyautoattack")
    found = example_of("chip_in_foolbox").main()
    assert found["clean"] > 0.95
    assert found["foolbox PGD"] == pytest.approx(found["wordline PGD, same settings"], abs=0.02)
    assert found["pyautoattack APGD-T"] <= found["foolbox PGD"] < 0.4


def published(classes: int, group: str, head: str, mark: str, *, padded: bool) -> dict:
    """Names and shapes of a checkpoint as its authors wrote them, with random numbers."""
    generator = torch.Generator().manual_seed(0)

    def norm(name: str, channels: int) -> dict:
        kinds = ("weight", "bias", "running_mean", "running_var")
        return {f"{name}.{kind}": torch.rand(channels, generator=generator) for kind in kinds}

    def random(*shape: int) -> torch.Tensor:
        return 0.1 * torch.randn(*shape, generator=generator)

    state = {f"conv{mark}1.weight": random(16, 3, 3, 3), **norm(f"bn{mark}1", 16)}
    before = 16
    for number, width in ((1, 16), (2, 32), (3, 64)):
        for block in range(3):
            start = f"{group}{number}.{block}"
            state[f"{start}.conv{mark}1.weight"] = random(width, before, 3, 3)
            state[f"{start}.conv{mark}2.weight"] = random(width, width, 3, 3)
            state |= norm(f"{start}.bn{mark}1", width) | norm(f"{start}.bn{mark}2", width)
            if before != width and not padded:
                state[f"{start}.downsample.0.weight"] = random(width, before, 1, 1)
                state |= norm(f"{start}.downsample.1", width)
            before = width
    state |= {f"{head}.weight": random(classes, 64), f"{head}.bias": random(classes)}
    return state


NETWORKS = {
    "cifar10_a": ((10, "layer", "linear", ""), True),
    "cifar100": ((100, "layer", "fc", ""), False),
    "cifar10_pgd": ((10, "stage_", "fc", "_"), False),
}


@pytest.mark.parametrize("factory", NETWORKS)
def test_a_public_resnet_takes_its_published_names(
    factory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    (classes, *names), padded = NETWORKS[factory]
    state = published(classes, *names, padded=padded)
    save_file(state, tmp_path / "weights.safetensors")
    model = from_factory(
        f"examples.public_resnet20:{factory}", tmp_path / "weights.safetensors"
    )
    loaded = model.state_dict()
    assert {name for name in loaded if not name.endswith("num_batches_tracked")} == state.keys()
    assert all(torch.equal(loaded[name], value) for name, value in state.items())
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert model(images).shape == (2, classes)
    bright = model.std.flatten()[:, None, None] + model.mean.flatten()[:, None, None]
    stem = model.get_submodule(model.order[0])
    seen = []
    hook = stem.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model(bright.expand(1, 3, 32, 32))
    hook.remove()
    torch.testing.assert_close(seen[0], torch.ones(1, 3, 32, 32))  # normalised inside


def test_a_padded_shortcut_is_the_direct_formula() -> None:
    """Of a block whose convolutions are zero: y[c, i, j] = x[c - 8, 2i, 2j] where that exists."""
    block = example_of("public_resnet20").Block(16, 32, "", padded=True).eval()
    for name in ("conv1", "conv2"):
        torch.nn.init.zeros_(block.get_submodule(name).weight)
    x = torch.rand(2, 16, 6, 6, generator=torch.Generator().manual_seed(0))
    wanted = torch.zeros(2, 32, 3, 3)
    for channel in range(16):
        for i in range(3):
            for j in range(3):
                wanted[:, channel + 8, i, j] = x[:, channel, 2 * i, 2 * j]
    assert torch.equal(block(x), wanted)


def test_the_documented_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every word of the example's command but the data, which no machine need have."""
    head = example_of("public_resnet20").__doc__.split("\n\n")[1].replace("\\\n", " ")
    words = shlex.split(head.replace("--data cifar10 --root DIR/cifar10", "--data digits"))
    assert words[:2] == ["wordline", "evaluate"]
    weights = tmp_path / "weights.safetensors"
    save_file(published(10, "layer", "linear", "", padded=True), weights)
    words[words.index("--weights") + 1] = str(weights)
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", [*words, "--out", str(tmp_path / "records.jsonl")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2  # everything is understood, down to images of one channel
    assert "do not fit" in capsys.readouterr().err
