from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from wordline.models import load_state, read_weights, save_weights


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_round_trip(tmp_path: Path, tiny_cnn: nn.Module, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    if suffix == ".pt":
        torch.save(tiny_cnn.state_dict(), path)
    else:
        save_weights(tiny_cnn, path)
    state = read_weights(path)
    assert all(torch.equal(state[name], tensor) for name, tensor in tiny_cnn.state_dict().items())


def test_half_weights_are_rounded_and_come_back_as_float32(
    tmp_path: Path, tiny_cnn: nn.Module
) -> None:
    save_weights(tiny_cnn, tmp_path / "half.safetensors", half=True)
    state = read_weights(tmp_path / "half.safetensors")
    assert (
        state["0.weight"].dtype == torch.float16
        and state["1.num_batches_tracked"].dtype == torch.int64
    )
    expected = tiny_cnn[0].weight.detach().clone()
    load_state(tiny_cnn, state, "half")
    assert tiny_cnn[0].weight.dtype == torch.float32
    assert torch.equal(tiny_cnn[0].weight, expected.half().float())


def test_shared_and_channels_last_weights_are_saved(tmp_path: Path) -> None:
    first = nn.Conv2d(2, 2, 3)
    model = nn.Sequential(first, nn.Conv2d(2, 2, 3)).to(memory_format=torch.channels_last)
    model[1].weight = model[0].weight
    save_weights(model, tmp_path / "tied.safetensors")
    assert torch.equal(read_weights(tmp_path / "tied.safetensors")["1.weight"], first.weight)


def test_others_may_read_a_weight_file(tmp_path: Path, linear_model: nn.Module) -> None:
    mask = os.umask(0o022)
    try:
        save_weights(linear_model, tmp_path / "net.safetensors")
    finally:
        os.umask(mask)
    assert (tmp_path / "net.safetensors").stat().st_mode & 0o777 == 0o644


def test_half_refuses_what_float16_cannot_hold(tmp_path: Path) -> None:
    model = nn.Linear(1, 1)
    nn.init.constant_(model.weight, 1e6)
    with pytest.raises(ValueError, match="`half` cannot hold 'weight': over 65504"):
        save_weights(model, tmp_path / "big.safetensors", half=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "wrap", [{"state_dict": None}, {"model": None}, {"epoch": 3, "state_dict": None}]
)
def test_the_usual_wrappings_are_taken_off(
    tmp_path: Path, linear_model: nn.Module, wrap: dict[str, object]
) -> None:
    state = {f"module.{name}": tensor for name, tensor in linear_model.state_dict().items()}
    torch.save(
        {key: state if value is None else value for key, value in wrap.items()}, tmp_path / "net.pt"
    )
    load_state(linear_model, read_weights(tmp_path / "net.pt"), "net.pt")


class Payload:
    """A pickle of this would create a file when loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("how", ["plain", "archive", "nested"])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path, how: str) -> None:
    witness, path = tmp_path / "was-run", tmp_path / "net.pt"
    if how == "plain":
        path.write_bytes(pickle.dumps(Payload(witness), protocol=2))
    else:
        torch.save(
            Payload(witness)
            if how == "archive"
            else {"weight": torch.ones(1), "x": Payload(witness)},
            path,
        )
    with pytest.raises(
        ValueError,
        match=r"`weights` file .*net.pt' is a pickle that would run '\w+.system'; nothing",
    ):
        read_weights(path)
    assert not witness.exists()
    torch.load(path, weights_only=False) if how != "plain" else pickle.loads(path.read_bytes())
    assert witness.exists()  # so the payload was a live one


def test_a_pickle_of_a_whole_network_is_refused(tmp_path: Path, linear_model: nn.Module) -> None:
    torch.save(linear_model, tmp_path / "net.pth")
    with pytest.raises(
        ValueError, match="is a pickle that would run 'torch.nn.*safetensors instead"
    ):
        read_weights(tmp_path / "net.pth")


@pytest.mark.parametrize("name", ["net.safetensors", "net.pt"])
@pytest.mark.parametrize("damage", ["empty", "noise", "truncated"])
def test_damaged_files(tmp_path: Path, linear_model: nn.Module, name: str, damage: str) -> None:
    path = tmp_path / name
    torch.save(linear_model.state_dict(), path) if path.suffix == ".pt" else save_weights(
        linear_model, path
    )
    content = path.read_bytes()
    damaged = {
        "empty": b"",
        "noise": b"no weights at all" * 9,
        "truncated": content[: len(content) // 2],
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(
        ValueError, match=r"`weights` file .* is (damaged|a pickle that is damaged)"
    ):
        read_weights(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`weights` file '.*none.pt' does not exist"):
        read_weights(tmp_path / "none.pt")


@pytest.mark.parametrize("content", [[torch.ones(1)], {"epoch": 3}, {}])
def test_a_file_without_a_state_dict(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "list.pt")
    with pytest.raises(ValueError, match="holds no state_dict"):
        read_weights(tmp_path / "list.pt")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda s: s.pop("1.bias"), "`weights` 'w' does not fit the network: it lacks '1.bias'$"),
        (lambda s: s.clear(), "it lacks '1.bias' and 1 more"),
        (lambda s: s.update(extra=torch.ones(1)), "it has the unexpected 'extra'"),
        (
            lambda s: s.update({"1.weight": torch.ones(3, 15)}),
            r"'1.weight' is \(3, 15\), the network's is \(3, 16\)",
        ),
        (
            lambda s: s.update({"1.bias": torch.tensor([0, torch.nan, 0])}),
            "`weights` 'w' holds NaN or Inf in '1.bias'",
        ),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(
    linear_model: nn.Module, change: object, match: str
) -> None:
    before = {name: tensor.clone() for name, tensor in linear_model.state_dict().items()}
    state = {name: tensor + 1 for name, tensor in before.items()}
    change(state)  # type: ignore[operator]
    with pytest.raises(ValueError, match=match):
        load_state(linear_model, state, "w")
    assert all(
        torch.equal(before[name], tensor) for name, tensor in linear_model.state_dict().items()
    )
