"""Exported conductances: read back bit for bit, in the documented order, written atomically."""

import csv
import itertools
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import wordline as wl

EXPORTS = [wl.export_npz, wl.export_csv]


def _conductances() -> dict[str, Tensor]:
    stream = torch.Generator().manual_seed(0)
    return {
        "features.0": 5e-5 * torch.rand(2, 1, 2, 3, 4, 5, generator=stream, dtype=torch.float64),
        "file": 5e-5
        * torch.rand(
            2, 2, 1, 1, 3, 2, generator=stream
        ),  # float32, and the name of numpy's own argument
        'odd, "quoted"': torch.zeros(1, 1, 1, 1, 1, 1),
    }


def test_npz_holds_every_bit(tmp_path: Path) -> None:
    layers = _conductances()
    wl.export_npz(tmp_path / "chip.npz", layers)
    with np.load(tmp_path / "chip.npz", allow_pickle=False) as archive:
        assert archive.files == list(layers)
        for name, g in layers.items():
            assert archive[name].dtype == g.numpy().dtype
            assert archive[name].tobytes() == g.numpy().tobytes()
            assert archive[name].shape == tuple(g.shape)


def test_csv_has_one_device_a_line_and_every_digit(tmp_path: Path) -> None:
    layers = _conductances()
    wl.export_csv(tmp_path / "chip.csv", layers)
    text = (tmp_path / "chip.csv").read_text()
    header, *lines = csv.reader(text.splitlines())
    assert header == ["layer", "array", "group", "row_tile", "col_tile", "row", "col", "siemens"]
    expected = [
        (name, *index, g[index].item())
        for name, g in layers.items()
        for index in itertools.product(*map(range, g.shape))
    ]
    assert [(name, *map(int, index), float(siemens)) for name, *index, siemens in lines] == expected
    value = layers["features.0"][1, 0, 1, 2, 3, 4].item()
    assert f"features.0,1,0,1,2,3,4,{value!r}\n" in text


@pytest.mark.parametrize("export", EXPORTS)
def test_equal_chips_give_equal_files(tmp_path: Path, export) -> None:
    for name in ("a", "b"):
        export(tmp_path / name, _conductances())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    if zipfile.is_zipfile(tmp_path / "a"):  # and tomorrow's is equal too
        assert {member.date_time[0] for member in zipfile.ZipFile(tmp_path / "a").infolist()} == {
            1980
        }


@pytest.mark.parametrize("export", EXPORTS)
def test_a_chip_is_exported_without_its_gradients(tmp_path: Path, export) -> None:
    chip = wl.map_model(nn.Linear(5, 3).eval(), wl.Crossbar.preset("rethinking-16"))
    path = tmp_path / "new" / "folder" / "chip"
    export(
        str(path),
        {name: layer.conductances.requires_grad_() for name, layer in chip.layers.items()},
    )
    assert path.stat().st_size > 0
    assert [entry.name for entry in path.parent.iterdir()] == ["chip"]  # no temporary file is left


@pytest.mark.parametrize("export", EXPORTS)
def test_what_fails_leaves_the_old_file(
    tmp_path: Path, export, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "chip"
    path.write_text("old")

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("numpy.lib.format.write_array", full)
    monkeypatch.setattr("itertools.product", full)
    with pytest.raises(OSError, match="no space left"):
        export(path, _conductances())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


GOOD = torch.zeros(2, 1, 1, 1, 2, 2)


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize(
    ("conductances", "kind", "message"),
    [
        ([GOOD], TypeError, "`conductances` must be Mapping"),
        ({}, ValueError, "`conductances` holds no layer"),
        ({"a": [1.0]}, TypeError, r"`conductances\['a'\]` must be Tensor"),
        (
            {"a": GOOD[0]},
            ValueError,
            "`conductances` layer 'a' has shape .1, 1, 1, 2, 2.; its axes must be array, gr",
        ),
        (
            {"a": GOOD, "b": GOOD - 1},
            ValueError,
            "`conductances` layer 'b' must hold finite numbers of siemens",
        ),
        ({"a": GOOD / 0}, ValueError, "`conductances` layer 'a' must hold finite numbers"),
        (
            {"a": GOOD.long()},
            TypeError,
            "`conductances` layer 'a' must be float32 or float64, got torch.int64",
        ),
    ],
)
def test_what_no_device_can_hold_is_refused(
    tmp_path: Path, export, conductances: object, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        export(tmp_path / "chip", conductances)
    assert not list(tmp_path.iterdir())
