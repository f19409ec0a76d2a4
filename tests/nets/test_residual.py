"""The small residual network: shapes, errors, and its block against torchvision's."""

import pytest
import torch
from torchvision.models.resnet import BasicBlock

from medtutor.errors import DataError
from medtutor.nets import ResidualBlock, SmallResNet


@pytest.mark.parametrize("stride, channels_out", [(1, 8), (2, 8), (1, 16), (2, 16)])
def test_the_block_equals_torchvisions_on_equal_weights(stride, channels_out):
    torch.manual_seed(0)
    ours = ResidualBlock(8, channels_out, stride).eval()
    shortcut = None if isinstance(ours.shortcut, torch.nn.Identity) else ours.shortcut
    theirs = BasicBlock(8, channels_out, stride, downsample=shortcut).eval()
    theirs.conv1, theirs.bn1, theirs.conv2, theirs.bn2 = ours.conv1, ours.norm1, ours.conv2, ours.norm2
    x = torch.randn(2, 8, 14, 14)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("size, stages, stem_stride", [(28, 3, 2), (64, 4, 2), (29, 3, 1), (128, 5, 2)])
def test_images_of_any_size_give_one_row_of_logits_each(size, stages, stem_stride):
    net = SmallResNet(3, 5, 4, stages, stem_stride)
    assert net(torch.randn(2, 3, size, size)).shape == (2, 5)
    assert net.features(torch.randn(2, 3, size, size)).shape[1] == 4 * 2 ** (stages - 1)


def test_volumes_go_through_the_same_definition():
    net = SmallResNet(1, 2, 4, dims=3, stem_stride=2)
    assert net(torch.randn(2, 1, 28, 28, 28)).shape == (2, 2)


@pytest.mark.parametrize("shape", [(2, 28, 28), (2, 3, 28, 28), (2, 1, 28, 28, 28)])
def test_a_wrong_shape_is_refused_with_the_right_one(shape):
    with pytest.raises(DataError, match=r"\(N, 1, H, W\)"):
        SmallResNet()(torch.zeros(shape))


def test_the_answer_does_not_depend_on_the_other_images_of_the_batch():
    torch.manual_seed(0)
    net = SmallResNet(width=4).eval()
    x = torch.randn(5, 1, 28, 28)
    torch.testing.assert_close(net(x)[2:3], net(x[2:3]), atol=1e-6, rtol=1e-5)
