import pytest
import torch
from torch import nn

from wordline.zoo import ImageSplit, accuracy


def test_the_share_of_right_answers_over_several_batches() -> None:
    images = torch.eye(4).reshape(4, 1, 2, 2).to(torch.uint8) * 255
    split = ImageSplit(images, torch.tensor([0, 1, 2, 0]))
    assert accuracy(nn.Flatten().eval(), split, batch_size=3) == 0.75


def test_a_network_in_training_mode(tiny_cnn: nn.Module) -> None:
    with pytest.raises(ValueError, match="`model` is in training mode; call model.eval"):
        accuracy(tiny_cnn.train(), ImageSplit(torch.rand(2, 2, 6, 6), torch.arange(2)))
