from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from wordline.models import from_factory, save_weights

SOURCE = """
import torch
from torch import nn

def net():
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))

class Nets:
    net = staticmethod(net)

ready = net()
number = 3

def needs(size): return net()
def wrong(): return torch.ones(3)
"""


@pytest.fixture(autouse=True)
def _in_a_folder_with_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "usernets.py").write_text(SOURCE)
    (tmp_path / "brokennets.py").write_text("1 / 0\n")
    (tmp_path / "needynets.py").write_text("import surely_not_installed\n")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield
    assert sys.path == before
    for name in ("usernets", "brokennets", "needynets"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("factory", ["usernets:net", "usernets:Nets.net", "usernets:ready"])
def test_a_network_of_the_current_folder(
    factory: str, linear_model: nn.Module, tmp_path: Path
) -> None:
    save_weights(linear_model, tmp_path / "net.safetensors")
    model = from_factory(factory, tmp_path / "net.safetensors")
    assert not model.training
    assert torch.equal(model[1].weight, linear_model[1].weight)


def test_without_weights_the_factory_decides(no_global_draws: None) -> None:
    assert isinstance(from_factory("usernets:net"), nn.Module)


@pytest.mark.parametrize(
    ("factory", "error", "match"),
    [
        ("usernets", ValueError, "`factory` must read package.module:factory, got 'usernets'"),
        (
            "usernets.py:net",
            ValueError,
            "`factory` names the module 'usernets.py', which is neither",
        ),
        ("usernets:net()", ValueError, "`factory` must read package.module:factory"),
        ("", ValueError, "`factory` must read package.module:factory, got ''"),
        (
            "nonets:net",
            ValueError,
            "`factory` names the module 'nonets', which is neither installed nor below",
        ),
        (
            "needynets:net",
            ValueError,
            "the module 'needynets', which needs 'surely_not_installed'; install it",
        ),
        (
            "brokennets:net",
            ValueError,
            r"the module 'brokennets', which fails when imported \(ZeroDivisionError",
        ),
        ("usernets:nett", ValueError, "`factory` names 'nett', which 'usernets' does not have"),
        ("usernets:number", TypeError, "`factory` names 'number', which must be callable, not int"),
        (
            "usernets:needs",
            ValueError,
            "'usernets:needs' fails when called without arguments .TypeError",
        ),
        (
            "usernets:wrong",
            TypeError,
            "'usernets:wrong' must return a torch.nn.Module, it returned Tensor",
        ),
    ],
)
def test_bad_factories(factory: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        from_factory(factory)


def test_bad_weights(tiny_cnn: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`weights` file 'none.safetensors' does not exist"):
        from_factory("usernets:net", "none.safetensors")
    save_weights(tiny_cnn, tmp_path / "other.safetensors")
    with pytest.raises(
        ValueError, match="does not fit the network: it has the unexpected '0.bias' and 6 more"
    ):
        from_factory("usernets:net", tmp_path / "other.safetensors")
