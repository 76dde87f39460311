"""Memory of a mapping: known beforehand, kept once, and refused where it does not fit."""

import copy
import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.nn.accounting.available_memory import available_bytes

REAL = wl.Crossbar.preset("rethinking-16")
BITS = dataclasses.replace(  # ideal wires: reads need the conductances themselves
    wl.Crossbar.preset("isaac-like"), tile=(16, 16), slicing=wl.BitSlicing(8, 4, 6, 5),
    dac=wl.UniformConverter(bits=6, range=wl.SampleMax()),
)  # fmt: skip
NOISY = dataclasses.replace(REAL, nonidealities=(wl.ReadNoise(0.02),))
CURVED = wl.Crossbar.preset("puma-32x32-100k")
CROSSBARS = {
    "matrix": REAL,
    "bits": BITS,
    "noisy": NOISY,
    "curved": CURVED,
    "backward": dataclasses.replace(REAL, array=wl.IdealBackward(wl.ExactArray())),
    "solved": dataclasses.replace(REAL, array=wl.NonlinearArray(wl.SinhDevice(4.0))),
    "offset": dataclasses.replace(
        REAL, encoding=wl.OffsetColumn(), slicing=wl.BitSlicing(9, 2, 9, 2)
    ),
    "packed": dataclasses.replace(REAL, packing=wl.BlockDiagonal()),
}


def _network() -> nn.Module:
    layers = (
        nn.Conv2d(6, 6, 3, groups=6),
        nn.Flatten(),
        nn.Linear(6 * 9, 40),
        nn.ReLU(),
        nn.Linear(40, 10),
    )
    return nn.Sequential(*layers).eval()


def _buffers(chip: nn.Module) -> int:
    """Of matrices and arrays; gains, factors and limits are single numbers."""
    return sum(
        b.numel() * b.element_size() for b in chip.buffers() if b.dim() > 1 and b.numel() > 1
    )


@pytest.mark.parametrize("name", CROSSBARS)
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_a_chip_keeps_is_what_was_said(name: str, keep: bool, dtype: torch.dtype) -> None:
    network = _network().to(dtype)
    chip = wl.map_model(network, CROSSBARS[name], keep_conductances=keep)
    memory = wl.mapping_memory(network, CROSSBARS[name], keep_conductances=keep)
    assert memory.kept_bytes == _buffers(chip)
    assert memory.peak_bytes > memory.kept_bytes
    assert [layer.name for layer in memory.layers] == ["0", "2", "4"]
    assert chip.report().kept_bytes == pytest.approx(memory.kept_bytes, rel=0.01)
    assert (
        wl.mapping_memory(network, CROSSBARS[name]).layers[0].kept_without_conductances
        <= memory.kept_bytes
    )


@pytest.mark.parametrize("name", ["matrix", "curved", "noisy", "bits"])
def test_an_ensemble_keeps_as_much_for_each_chip(name: str) -> None:
    network = _network()
    chips = wl.map_chips(network, CROSSBARS[name], seeds=(1, 2, 3), keep_conductances=False)
    memory = wl.mapping_memory(network, CROSSBARS[name], chips=3, keep_conductances=False)
    assert memory.kept_bytes == _buffers(chips)
    one = wl.map_model(network, CROSSBARS[name], seed=2)
    x = torch.rand(2, 6, 5, 5)
    assert torch.equal(chips[1](x), one(x))


def test_vgg16_is_known_without_weights() -> None:
    with torch.device("meta"):
        layer = nn.Linear(25088, 4096)
    weights = 25088 * 4096 * 4
    assert wl.mapping_memory(layer, wl.Crossbar.preset("rethinking-64")).kept_bytes == 3 * weights
    lean = wl.mapping_memory(layer, wl.Crossbar.preset("rethinking-64"), keep_conductances=False)
    assert lean.kept_bytes == weights
    puma = wl.mapping_memory(layer, wl.Crossbar.preset("puma-64x64-100k"))
    preset = wl.Crossbar.preset("puma-64x64-100k")
    height = len(preset.array.program(torch.full((64, 64), 5e-6), preset.wires))
    assert puma.kept_bytes == weights * (1 + 8) + 8 * weights // 64 * height
    assert "mapping keeps 1.23 GB" in str(
        wl.mapping_memory(layer, wl.Crossbar.preset("rethinking-64"))
    )


def test_the_peak_counts_weights_that_are_trained_and_products_of_a_gain() -> None:
    network = _network()
    plain, trained = (wl.mapping_memory(network, REAL, trainable=t) for t in (False, True))
    own = sum(p.numel() * 4 for name, p in network.named_parameters() if "weight" in name)
    assert trained.kept_bytes - plain.kept_bytes == own
    assert trained.peak_bytes > plain.peak_bytes
    gained = wl.mapping_memory(network, dataclasses.replace(REAL, gain=wl.LeastSquaresGain()))
    assert gained.peak_bytes - plain.peak_bytes == 40 * 54 * 4


def test_choices_of_layers_are_those_of_the_mapping() -> None:
    network = _network()
    assert [row.name for row in wl.mapping_memory(network, REAL, exclude=("0",)).layers] == [
        "2",
        "4",
    ]
    mixed = wl.mapping_memory(network, REAL, overrides=(("4", CURVED),))
    assert mixed.layers[2].kept_bytes > 2 * mixed.layers[1].kept_bytes
    with pytest.raises(ValueError, match="`only` and `exclude` leave no layer to map"):
        wl.mapping_memory(network, REAL, exclude=("*",))
    with pytest.raises(ValueError, match="`chips` must be at least 1"):
        wl.mapping_memory(network, REAL, chips=0)


def test_a_mapping_that_does_not_fit_says_so_before_it_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = _network()
    need = wl.mapping_memory(network, REAL).peak_bytes
    monkeypatch.setattr(
        "wordline.nn.accounting.mapping_memory.available_bytes", lambda device: float(need - 1)
    )
    monkeypatch.setattr("wordline.nn.programming.program_on", lambda *a: pytest.fail("programmed"))
    with pytest.raises(
        ValueError, match=r"`model` would keep .* and 0.* GB are available; keep_conductances=False"
    ):
        wl.map_model(network, REAL)
    with pytest.raises(ValueError, match=r"exclude=\('2',\) leaves out"):
        wl.map_model(network, REAL, trainable=True)
    with pytest.raises(ValueError, match="one chip at a time keeps"):
        wl.map_chips(network, REAL, seeds=range(5))
    monkeypatch.undo()
    monkeypatch.setattr(
        "wordline.nn.accounting.mapping_memory.available_bytes", lambda device: float(need)
    )
    assert wl.map_model(network, REAL).layers


def test_a_trainable_chip_learns_without_its_conductances() -> None:
    network, x = _network(), torch.rand(2, 6, 5, 5)
    chips = [
        wl.map_model(network, REAL, trainable=True, keep_conductances=keep)
        for keep in (True, False)
    ]
    grads = []
    for chip in chips:
        chip(x).square().sum().backward()
        grads.append([layer.weight.grad for layer in chip.layers.values()])
    assert all(torch.equal(one, other) for one, other in zip(*grads, strict=True))


def test_conductances_that_no_pass_needs_may_be_left_out() -> None:
    network, x = _network(), torch.rand(2, 6, 5, 5)
    for name in ("matrix", "offset"):
        full, lean = (
            wl.map_model(network, CROSSBARS[name], seed=2, keep_conductances=keep)
            for keep in (True, False)
        )
        assert torch.equal(full(x), lean(x)) and torch.equal(copy.deepcopy(lean)(x), full(x))
        assert not [key for key in lean.state_dict() if key.endswith("conductances")]
        rows = [
            dataclasses.replace(chip.report(x).layers[0], kept_bytes=0) for chip in (full, lean)
        ]
        assert repr(rows[0]) == repr(dataclasses.replace(
            rows[1], converted=rows[0].converted, saturated=rows[0].saturated
        ))  # fmt: skip
        with pytest.raises(AttributeError, match="`conductances` of this layer were not kept"):
            lean.layers["2"].conductances  # noqa: B018
    noisy = wl.map_model(network, NOISY, keep_conductances=False)
    assert noisy.layers["2"].conductances.dim() == 6  # a pass draws its noise on them
    assert noisy.frozen(3).layers["2"].conductances.dim() == 6


def test_a_response_that_is_the_conductances_is_kept_once(tmp_path: Path) -> None:
    network, x = _network(), torch.rand(2, 6, 5, 5)
    chip = wl.map_model(network, BITS, seed=2)
    layer = chip.layers["2"]
    assert layer.response is layer.conductances
    assert not [key for key in chip.state_dict() if key.endswith("response")]
    twin = copy.deepcopy(chip)
    assert twin.layers["2"].response is twin.layers["2"].conductances
    assert torch.equal(twin(x), chip(x))
    torch.save(chip.state_dict(), tmp_path / "chip.pt")
    fresh = wl.map_model(network, BITS, seed=5)
    fresh.load_state_dict(torch.load(tmp_path / "chip.pt", weights_only=True))
    assert torch.equal(fresh(x), chip(x))
    frozen = wl.map_model(
        network, dataclasses.replace(BITS, nonidealities=(wl.ReadNoise(0.05),))
    ).frozen(3)
    assert frozen.layers["2"].response is frozen.layers["2"].conductances
    assert torch.equal(frozen(x), frozen(x))


def _machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


CPU = torch.device("cpu")
MEMINFO = {"proc/meminfo": "MemTotal:       16000 kB\nMemFree:  10 kB\nMemAvailable:    8000 kB\n"}


def test_memory_that_linux_calls_available(tmp_path: Path) -> None:
    assert available_bytes(CPU, root=_machine(tmp_path, MEMINFO)) == 8000 * 1024


@pytest.mark.parametrize("limit", ["max", "9223372036854771712"])
def test_groups_without_a_limit_leave_it_so(tmp_path: Path, limit: str) -> None:
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": limit,
        "sys/fs/cgroup/memory.current": "5\n",
    }
    assert available_bytes(CPU, root=_machine(tmp_path, MEMINFO | files)) == 8000 * 1024


def test_a_limit_of_a_group_around_this_one_counts(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/job/step\n",
        "sys/fs/cgroup/job/step/memory.max": "max",
        "sys/fs/cgroup/job/memory.max": "6000000\n",
        "sys/fs/cgroup/job/memory.current": "2000000\n",
        "sys/fs/cgroup/job/memory.stat": "anon 1\ninactive_file 500000\n",
    }
    assert available_bytes(CPU, root=_machine(tmp_path, MEMINFO | files)) == 4500000


def test_a_limit_of_the_first_version_counts(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "12:cpu:/x\n3:memory:/docker/abc\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "3000000",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "1000000",
    }  # fmt: skip
    assert available_bytes(CPU, root=_machine(tmp_path, MEMINFO | files)) == 2000000


def test_nothing_fails_where_nobody_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert available_bytes(CPU, root=tmp_path) > 0  # the free pages of `os.sysconf`

    def unknown(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr("os.sysconf", unknown)
    assert available_bytes(CPU, root=tmp_path) == float("inf")
    monkeypatch.delattr("os.sysconf")
    assert available_bytes(CPU, root=tmp_path) == float("inf")
    assert available_bytes(torch.device("meta")) == float("inf")
