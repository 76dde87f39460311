"""Surrogates on disk: bit for bit, and nothing but a surrogate gets in."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from wordline.arrays import SurrogateArray, SurrogateReport
from wordline.arrays.surrogate.file import Surrogate, load_surrogate, save_surrogate

SMALL = SurrogateArray.of("builtin:puma-32x32-100k")


@pytest.fixture
def loaded() -> Surrogate:
    return load_surrogate(SMALL.path, SMALL.sha256)


def test_a_file_comes_back_bit_for_bit(tmp_path: Path, loaded: Surrogate) -> None:
    path = tmp_path / "new" / "mine.safetensors"
    sha256 = save_surrogate(loaded, path)
    assert sha256 == SMALL.sha256  # the same surrogate, the same file
    again = load_surrogate(str(path), sha256)
    assert again.report == loaded.report
    assert all(torch.equal(a, b) for a, b in zip(again.network, loaded.network, strict=True))
    assert [p.name for p in path.parent.iterdir()] == ["mine.safetensors"]


def test_another_file_under_the_name_is_refused(tmp_path: Path, loaded: Surrogate) -> None:
    path = tmp_path / "mine.safetensors"
    array = SurrogateArray(str(path), save_surrogate(loaded, path))
    save_surrogate(
        loaded._replace(network=loaded.network._replace(c=loaded.network.c + 1e-9)), path
    )
    with pytest.raises(
        ValueError,
        match=r"holds a surrogate of SHA-256 \w{16}\.\.\., not \w{16}\.\.\.; it was fitted",
    ):
        array.report  # noqa: B018


def test_what_is_no_surrogate_is_refused(tmp_path: Path, loaded: Surrogate) -> None:
    path = tmp_path / "mine.safetensors"
    with pytest.raises(
        ValueError, match=r"is no surrogate file; .* builtin:puma-32x32-100k, builtin:puma-64x64"
    ):
        SurrogateArray.of("builtin:puma-16")
    with pytest.raises(ValueError, match="mine.safetensors' is no surrogate file"):
        SurrogateArray.of(path)
    path.write_bytes(b"not safetensors at all")
    with pytest.raises(ValueError, match="is damaged or holds no surrogate of wordline"):
        SurrogateArray.of(path).report  # noqa: B018
    save_file({"u": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="is damaged or holds no surrogate of wordline"):
        SurrogateArray.of(path).report  # noqa: B018
    save_file(dict(loaded.network._asdict()), path)
    with pytest.raises(
        ValueError, match="is damaged or holds no surrogate of wordline .'__metadata__'"
    ):
        SurrogateArray.of(path).report  # noqa: B018
    bad = (
        {"b": torch.zeros(3).double()},
        {"c": torch.tensor(torch.nan).double()},
        {"o": loaded.network.o.float()},
    )
    for change in bad:
        save_surrogate(loaded._replace(network=loaded.network._replace(**change)), path)
        with pytest.raises(
            ValueError, match=f"weight '{next(iter(change))}' must be finite float64 of shape"
        ):
            SurrogateArray.of(path).report  # noqa: B018


@pytest.mark.parametrize("name", ["puma-32x32-100k", "puma-64x64-100k", "puma-64x64-300k"])
def test_what_ships_says_what_it_is(name: str) -> None:
    report = SurrogateArray.of(f"builtin:{name}").report
    size, kiloohm = name.split("-")[1].split("x")[0], float(name.split("-")[2][:-1])
    assert report.design.tile == (int(size), int(size))
    assert 1e-3 / report.design.g_on_siemens == pytest.approx(kiloohm)
    assert report.design.g_on_siemens / report.design.g_off_siemens == pytest.approx(6)
    assert (
        f"--crossbar {name} " in report.command and f"--samples {report.samples} " in report.command
    )
    assert report.surrogate.rms < 2e-4 < 2e-2 < report.linear.rms
    assert SurrogateReport.from_json(report.to_json()) == report
    text = str(report)
    assert f"{report.surrogate.rms:.1e}" in text and f"NF {report.nf:.3f}" in text
