"""Weight files as people have them, each against the state dict that went in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from wordline.models import load_state, read_weights
from wordline.models.files import load_states, read_states

State = dict[str, Tensor]


def inner() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))


class Named(nn.Module):
    """A network that itself has a submodule of the name that people's wrappers have."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.add_module(name, inner())


def changed(model: nn.Module, by: float = 1.0) -> State:
    return {
        name: t + by if t.is_floating_point() else t.clone()
        for name, t in model.state_dict().items()
    }


def behind(prefix: str) -> Callable[[State], Any]:
    return lambda state: {f"{prefix}{name}": tensor for name, tensor in state.items()}


def under(*keys: str, prefix: str = "", **beside: Any) -> Callable[[State], Any]:
    def wrap(state: State) -> Any:
        content: Any = behind(prefix)(state)
        for key in reversed(keys):
            content = {key: content, **beside}
        return content

    return wrap


OPTIMIZER = {
    "state": {0: {"momentum_buffer": torch.ones(2)}},
    "param_groups": [{"lr": 0.1, "params": [0]}],
}
WAYS = {
    "as it is": behind(""),
    "DataParallel": behind("module."),
    "torch.compile": behind("_orig_mod."),
    "both": behind("module._orig_mod."),
    "the other way": behind("_orig_mod.module."),
    "net": behind("net."),
    "any prefix": behind("student.encoder."),
    "Lightning": under("state_dict", prefix="model.", epoch=3),
    "Lightning compiled": under(
        "state_dict", prefix="model._orig_mod.", hyper_parameters={"lr": 0.1}
    ),
    "tutorial": under(
        "model_state_dict", epoch=3, loss=torch.tensor(0.5), optimizer_state_dict=OPTIMIZER
    ),
    "kuangliu": under("net", prefix="module.", acc=90.0, epoch=3),
    "timm": under("state_dict_ema", arch="resnet"),
    "model": under("model", optimizer=OPTIMIZER, best=torch.tensor(0.9)),
    "ema": under("ema", updates=7),
    "model_ema": under("model_ema", prefix="module."),
    "weights": under("weights"),
    "nested": under("model", "state_dict"),
    "inside": lambda s: {n.replace(".", "._orig_mod.", 1): t for n, t in s.items()},
    "parts in parallel": lambda s: {
        n.replace("0.", "0.module.", 1) if n[0] == "0" else n: t for n, t in s.items()
    },
    "before batches were counted": lambda s: {
        n: t for n, t in s.items() if not n.endswith("num_batches_tracked")
    },
    "with a note": lambda s: {**s, "epoch": 3},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["", "module", "model", "net", "_orig_mod"])
def test_files_as_people_have_them(tmp_path: Path, way: str, name: str) -> None:
    """The state is found; and a network whose own names begin like a wrapper's keeps them."""
    model = Named(name) if name else inner()
    if way in ("inside", "parts in parallel") and name:
        pytest.skip("said of plain networks")
    want = changed(model)
    torch.save(WAYS[way](want), tmp_path / "w.pt")
    load_states(model, read_states(tmp_path / "w.pt"), "w.pt")
    assert all(torch.equal(tensor, want[key]) for key, tensor in model.state_dict().items())


def test_prefixes_in_safetensors(tmp_path: Path) -> None:
    model = inner()
    want = changed(model)
    save_file(behind("module.model.")(want), tmp_path / "w.safetensors")
    load_states(model, read_states(tmp_path / "w.safetensors"), "w")
    assert all(torch.equal(tensor, want[key]) for key, tensor in model.state_dict().items())


def test_a_prefix_stays_where_not_every_name_fits_without_it() -> None:
    model = inner()
    state = {**behind("model.")(model.state_dict()), "loss.weight": torch.ones(2)}
    with pytest.raises(
        ValueError,
        match="`weights` 'w' does not fit the network: it lacks '0.bias' and 7 more .'0.we",
    ):
        load_state(model, state, "w")


def test_a_choice_between_two_that_fit(tmp_path: Path) -> None:
    model, file = inner(), tmp_path / "w.pt"
    plain, averaged = changed(model, 1.0), changed(model, 2.0)
    torch.save({"model": plain, "ema": behind("module.")(averaged), "epoch": 3}, file)
    with pytest.raises(
        ValueError,
        match=r"holds two states that fit the network, under 'model' and 'ema'; choose by",
    ):
        load_states(model, read_states(file), str(file))
    with pytest.raises(
        ValueError, match="`weights` file '.*w.pt' holds the states 'model' and 'ema'; choose by"
    ):
        read_weights(file)
    for key, want in (("model", plain), ("ema", averaged)):
        load_states(model, read_states(f"{file}:{key}"), str(file))
        assert torch.equal(model[0].bias, want["0.bias"])
        assert len(read_weights(f"{file}:{key}")) == len(want)
    with pytest.raises(
        ValueError, match="'.*w.pt' has nothing under 'net'; its keys with tensors are 'model'"
    ):
        read_states(f"{file}:net")
    torch.save({"model": plain, "ema": plain}, file)  # the same twice is no choice
    load_states(model, read_states(file), str(file))


def test_a_choice_between_prefixes_of_one_mapping(tmp_path: Path) -> None:
    model, file = inner(), tmp_path / "w.safetensors"
    plain, averaged = changed(model, 1.0), changed(model, 2.0)
    save_file({**behind("model.")(plain), **behind("ema.")(averaged)}, file)
    with pytest.raises(ValueError, match="does not fit the network: it lacks"):
        load_states(model, read_states(file), str(file))
    load_states(model, read_states(f"{file}:ema"), str(file))
    assert torch.equal(model[0].bias, averaged["0.bias"])
    with pytest.raises(ValueError, match="has nothing under 'net'; its keys with tensors are none"):
        read_states(f"{file}:net")


def test_one_of_two_that_fits_is_taken(tmp_path: Path) -> None:
    model = inner()
    want = changed(model)
    teacher = {name: torch.ones(5) for name in want}
    torch.save({"teacher": teacher, "student": want}, tmp_path / "w.pt")
    load_states(model, read_states(tmp_path / "w.pt"), "w.pt")
    assert torch.equal(model[0].bias, want["0.bias"])


def test_what_does_not_fit_is_listed(tmp_path: Path) -> None:
    model = inner()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = behind("module.")(changed(model))
    for name in ("0.bias", "1.bias", "3.bias", "1.weight"):
        del state[f"module.{name}"]
    state |= {"module.extra": torch.ones(1), "module.3.weight": torch.ones(3, 9)}
    torch.save({"net": state, "epoch": 1}, tmp_path / "w.pt")
    with pytest.raises(ValueError) as caught:
        load_states(model, read_states(tmp_path / "w.pt"), "w.pt")
    assert str(caught.value) == (
        "`weights` 'w.pt' under 'net' does not fit the network: it lacks '0.bias' and 3 more "
        "('1.bias', '1.weight', ...); it has the unexpected 'extra'; '3.weight' is (3, 9), the "
        "network's is (3, 8)"
    )
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_nothing_at_all() -> None:
    with pytest.raises(
        ValueError, match="`weights` 'w' does not fit the network: it lacks '0.bias' and 7 more"
    ):
        load_state(inner(), {}, "w")
