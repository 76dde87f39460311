from importlib import resources

import numpy as np
import pytest
import torch

from wordline.datasets import load_dataset


def test_the_digits_have_a_fixed_split() -> None:
    data = load_dataset("digits")
    assert (len(data.train), len(data.test)) == (1297, 500)
    assert data.classes == tuple("0123456789")
    assert data.train.images.shape[1:] == (1, 8, 8)
    assert data.train.images.min() == 0 and data.train.images.max() == 1
    assert torch.equal((data.test.images * 16).round(), data.test.images * 16)  # 17 grey levels
    assert data.train.labels[:10].tolist() == list(range(10))
    fingerprints = data.train.fingerprint(), data.test.fingerprint()
    assert fingerprints == ("79933dcb5d38f492", "3fea0484e6fc7d60")


def test_the_digits_are_those_of_scikit_learn() -> None:
    published = pytest.importorskip("sklearn.datasets").load_digits()
    data = load_dataset("digits")
    images = torch.cat([data.train.images, data.test.images]).numpy()
    assert np.array_equal(images, published.images[:, None] / 16)
    labels = torch.cat([data.train.labels, data.test.labels]).numpy()
    assert np.array_equal(labels, published.target)


def test_source_and_licence_stand_beside_the_embedded_file() -> None:
    embedded = resources.files("wordline.datasets") / "embedded"
    assert len((embedded / "digits.npz").read_bytes()) < 50_000
    text = (embedded / "README.md").read_text()
    assert "Alpaydin" in text and "CC BY 4.0" in text and "10.24432/C50P49" in text
