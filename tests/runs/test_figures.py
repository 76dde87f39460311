"""The studies of CIFAR-100 and Tiny ImageNet run on data of their schema."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from wordline.records.record import Record
from wordline.runs import EvaluationCell, Images, Store, StoreConfig, TrainedNetwork, load_study
from wordline.training import OneCycle, Recipe

from .generated import cifar100, tiny_imagenet

STUDIES = Path(__file__).parents[2] / "studies"
SHORT = Recipe(epochs=1, batch_size=8, schedule=OneCycle(peak_lr=0.01), precision="fp32")
DATA = {
    "fig4": ("cifar100", "tiny-imagenet"),
    "fig5": ("cifar100",),
    "fig6": ("cifar100",),
    "fig7": ("tiny-imagenet",),
    "fig10": ("cifar100",),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    root = tmp_path_factory.mktemp("data")
    cifar100(root / "cifar100")
    tiny_imagenet(root / "tiny-imagenet")
    return StoreConfig(root=str(root)).open()


def test_generated_data_are_of_the_published_schema(store: Store) -> None:
    for name, classes, side in (("cifar100", 100, 32), ("tiny-imagenet", 200, 64)):
        data = store.data(name)
        assert (len(data.classes), data.test.images.shape[1:]) == (classes, (3, side, side))


@pytest.mark.parametrize(
    ("name", "data"), [(name, data) for name, every in DATA.items() for data in every]
)
def test_a_cell_of_the_paper_scale_runs_on_generated_data(
    name: str, data: str, store: Store
) -> None:
    """On a chip, with a small network in the place of VGG16, trained for one epoch, not 200."""
    cells = [
        c for c in load_study(STUDIES / f"{name}.py").at("paper") if isinstance(c, EvaluationCell)
    ]
    chosen = next(c for c in cells if c.images.data == data and c.setting == "SH")
    assert chosen.network == TrainedNetwork("vgg16", data, Recipe.preset("papers"))
    cell = dataclasses.replace(
        chosen,
        network=TrainedNetwork("resnet10", data, SHORT),
        images=Images(data, limit=2),
        batch_size=2,
    ).pinned(store)
    record = cell.run(store)
    assert isinstance(record, Record)
    assert (record.setting, record.data, record.images) == ("SH", data, 2)
    assert record.largest_change <= getattr(cell.attack, "eps") + 1e-6  # noqa: B009 - of any attack
