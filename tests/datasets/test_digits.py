import torch

from wordline.datasets import load_dataset


def test_the_digits_are_those_of_scikit_learn_with_a_fixed_split() -> None:
    data = load_dataset("digits")
    assert (len(data.train), len(data.test)) == (1297, 500)
    assert data.classes == tuple("0123456789")
    assert data.train.images.shape[1:] == (1, 8, 8)
    assert data.train.images.min() == 0 and data.train.images.max() == 1
    assert torch.equal((data.test.images * 16).round(), data.test.images * 16)  # 17 grey levels
    assert data.train.labels[:10].tolist() == list(range(10))
    assert data.train.fingerprint() == "79933dcb5d38f492" and data.test.fingerprint() == "3fea0484e6fc7d60"
