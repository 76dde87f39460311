"""Grids resume after anything; what was finished is never computed again and never lost."""

import dataclasses
import errno
import json
import os
import resource
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.datasets import ImageSplit
from wordline.records import Failure
from wordline.runs import Grid, Journal, read_records, run_grid
from wordline.runs.threads import fixed_threads


def _software() -> nn.Module:
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3, bias=False))
    with torch.no_grad():
        model[1].weight.copy_(torch.randn(3, 16, generator=torch.Generator().manual_seed(0)))
    return model.eval()


def _split() -> ImageSplit:
    images = torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return ImageSplit(images, _software()(images).argmax(1), name="generated")


GRID = Grid(
    crossbars=(wl.Crossbar.preset("rethinking-16"), wl.Crossbar.preset("ideal")),
    attacks=(wl.FGSM(eps=0.05), wl.PGD(eps=0.05, steps=3, step_size=0.02, early_stop=True)),
    seeds=(0, 1),
    batch_size=16,
)


def _run(path: Path, grid: Grid = GRID) -> list[wl.Record]:
    return run_grid(_software(), _split(), grid, Journal(path))


def test_grid_holds_every_combination_once_and_says_which(tmp_path: Path) -> None:
    records = _run(tmp_path / "r.jsonl")
    assert [r.setting for r in records].count("SW") == 2
    assert len(records) == 2 + 2 * 2 * 2 * 2  # crossbars x seeds x attacks x (SH, HH)
    assert all(r.clean_accuracy == 1 for r in records if r.setting == "SW")
    transferred = [r for r in records if r.setting == "SH" and isinstance(r.attack, wl.PGD)]
    assert transferred
    assert not any(
        r.attack.early_stop for r in transferred
    )  # images for transfer are attacked to the end
    assert read_records(tmp_path / "r.jsonl") == records


def test_an_ideal_chip_is_as_easy_to_fool_as_software(tmp_path: Path) -> None:
    records = _run(tmp_path / "r.jsonl")
    by_attack = {r.attack: r.adversarial_accuracy for r in records if r.setting == "SW"}
    for record in records:
        if record.setting == "HH" and record.victim.crossbar == GRID.crossbars[1]:
            assert record.adversarial_accuracy == by_attack[record.attack]


def test_resuming_computes_only_what_is_missing_and_gives_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _run(tmp_path / "whole.jsonl")
    lines = (tmp_path / "whole.jsonl").read_bytes().splitlines(keepends=True)
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(b"".join(lines[:7]) + lines[7][:50])  # killed while writing the eighth
    assert _run(torn) == whole
    assert torn.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    again = "wordline.runs.evaluation_cell.score"
    monkeypatch.setattr(again, lambda *a, **k: pytest.fail("computed a finished cell again"))
    assert _run(torn) == whole


def test_an_interrupted_grid_keeps_its_finished_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wordline.runs import evaluation_cell as module

    original, calls = module.score, []

    def interrupted(*arguments: object, **keywords: object) -> wl.Record:
        calls.append(1)
        if len(calls) > 5:
            raise KeyboardInterrupt
        return original(*arguments, **keywords)

    monkeypatch.setattr(module, "score", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path / "r.jsonl")
    assert len(read_records(tmp_path / "r.jsonl")) == 5


def test_conditions_are_part_of_a_cells_name(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    small = dataclasses.replace(GRID, settings=("SW",))
    _run(path, small)
    _run(path, dataclasses.replace(small, batch_size=8))
    _run(path, dataclasses.replace(small, seed=1))
    assert len(read_records(path)) == 6


# Keys of this grid: a journal of today goes on with any later version.
KEYS = """
ee16a7fa1d0d44047b49 5350c050df4e3512b49c 993b9b2ec942f69d5f38 146a9544eb6f2575c084
d29094365f7033827fc9 a4eba18d9264da6a570c 0eb04ce9daf1e43c2f61 3c15f126a0305fa298a0
46e81762923a42bcde22 3ba80d3e71c6dc756c19 0896282376eaa0b92b1c 714af8b28931109750d2
37e00ab79a747711c043 67bf28ac7f5a874c5409 cd74ba92cbc7f4510085 578e3f66ac777b60262a
a53302bc8e7369c4a99e 4d6215b94bd17e17ea94
"""


def test_keys_of_old_journals_stand(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3, bias=False)).eval()
    with torch.no_grad():
        model[1].weight.copy_(torch.arange(48.0).reshape(3, 16).sub(20).remainder(7).sub(3) / 8)
    images = (torch.arange(640.0).reshape(40, 1, 4, 4) % 17) / 16
    split = ImageSplit(images, torch.arange(40) % 3, name="generated")
    converter = wl.UniformConverter(bits=8, range=wl.Calibrated())
    crossbar = wl.Crossbar.preset("rethinking-16")
    grid = dataclasses.replace(
        GRID, crossbars=(crossbar, dataclasses.replace(crossbar, dac=converter)), seed=2
    )
    journal = Journal(tmp_path / "r.jsonl")
    with fixed_threads(1):
        run_grid(model, split, grid, journal, calibration=split.take(8))
    assert list(journal.results) == KEYS.split()


def test_damaged_journals_are_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("{}\n")
    with pytest.raises(ValueError, match="line 1 is no record"):
        Journal(path)
    path.write_text(json.dumps({"key": "k", "record": {"type": "UnitGain"}}) + "\n")
    with pytest.raises(ValueError, match="line 1 holds a UnitGain, no Record"):
        Journal(path)
    path.write_text(json.dumps({"key": "k", "failure": {"type": "UnitGain"}}) + "\n")
    with pytest.raises(ValueError, match="line 1 holds a UnitGain, no Failure"):
        Journal(path)
    assert path.exists()
    with pytest.raises(ValueError, match="`path` .* does not exist"):
        read_records(tmp_path / "none.jsonl")


def test_a_failure_stands_until_its_cell_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    journal = Journal(path, wl.UnitGain)
    journal.append("k", Failure("ValueError", "no"))
    assert (
        Journal(path, wl.UnitGain).failures
        == journal.failures
        == {"k": Failure("ValueError", "no")}
    )
    assert not journal.results
    journal.append("k", wl.UnitGain())
    again = Journal(path, wl.UnitGain)
    assert again.results == journal.results == {"k": wl.UnitGain()}
    assert again.failures == journal.failures == {}
    assert not again.records  # no evaluation


def test_unknown_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="`settings` must be one of 'SW', 'SH', 'HH', got 'XX'"):
        dataclasses.replace(GRID, settings=("XX",))


class Rounded(nn.Module):
    """Equal weights, another function: what decides is an attribute."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels, self.network = levels, _software()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(
            images + ((images * self.levels).round() / self.levels - images).detach()
        )


def test_networks_of_equal_weights_but_another_structure_never_share_cells(tmp_path: Path) -> None:
    grid, journal = dataclasses.replace(GRID, settings=("SW",)), Journal(tmp_path / "r.jsonl")
    fine, coarse = (run_grid(Rounded(levels).eval(), _split(), grid, journal) for levels in (15, 1))
    assert len(journal.records) == 4
    assert fine[0].clean_accuracy > coarse[0].clean_accuracy
    mixed = wl.evaluate(
        victim=Rounded(15).eval(), source=Rounded(1).eval(), attack=GRID.attacks[0], data=_split()
    )
    assert mixed.setting == "transfer"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
        ({"seeds": (-1,)}, "`seeds` must be at least 0"),
        ({"seed": -1}, "`seeds` must be at least 0"),
    ],
)
def test_impossible_grids_are_refused_before_anything_runs(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(GRID, **change)


def test_images_that_do_not_fit_are_refused_in_words(tmp_path: Path) -> None:
    wrong = ImageSplit(torch.rand(3, 1, 5, 5), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(
        ValueError, match=r"`data` images of shape \(1, 5, 5\) do not fit `software`"
    ):
        run_grid(_software(), wrong, GRID, Journal(tmp_path / "r.jsonl"))
    assert not (tmp_path / "r.jsonl").exists()


@pytest.mark.parametrize("failing", ["fsync", "write"])
def test_a_full_disk_loses_nothing_and_leaves_no_half_line(
    tmp_path: Path, monkeypatch, failing: str
) -> None:
    journal, failure = Journal(tmp_path / "r.jsonl", Failure), Failure("ValueError", "why")
    journal.append("first", failure)
    before = journal.path.read_bytes()
    with monkeypatch.context() as full:
        if failing == "fsync":

            def sync(number: int) -> None:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            full.setattr(os, "fsync", sync)
        else:
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            before_signal = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limits[1]))
        try:
            with pytest.raises(
                OSError, match=r"r.jsonl' cannot be written \((No space|File too large)"
            ):
                journal.append("second", failure)
        finally:
            if failing == "write":
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
                signal.signal(signal.SIGXFSZ, before_signal)
    assert journal.path.read_bytes() == before and list(journal.failures) == ["first"]
    journal.append("second", failure)
    assert list(Journal(journal.path, Failure).failures) == ["first", "second"]


def test_a_device_is_no_journal() -> None:
    with pytest.raises(
        ValueError, match="`out` '/dev/full' is no file to go on with; name a file for the records"
    ):
        Journal(Path("/dev/full"))
