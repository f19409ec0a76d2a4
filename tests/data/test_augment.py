"""Augmentation: what it may change, and what it may not."""

import pytest
import torch

from medtutor.data.augment import Augmenter


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(4, 1, 28, 28), (4, 3, 20, 28), (4, 1, 12, 16, 16)])
def test_nothing_allowed_changes_nothing(shape):
    images = torch.rand(shape) * 2 - 1
    torch.testing.assert_close(Augmenter()(images, generator()), images, atol=1e-5, rtol=0)


def test_flips_are_exact_mirror_images_and_both_happen():
    images = torch.rand(64, 1, 10, 10) * 2 - 1
    out = Augmenter(flip_horizontal=True)(images, generator())
    same = (out - images).abs().amax((1, 2, 3)) < 1e-5
    mirrored = (out - images.flip(-1)).abs().amax((1, 2, 3)) < 1e-5
    assert bool((same ^ mirrored).all())
    assert 10 < int(same.sum()) < 54
    out = Augmenter(flip_vertical=True)(images, generator())
    assert bool(
        (((out - images.flip(-2)).abs().amax((1, 2, 3)) < 1e-5) | ((out - images).abs().amax((1, 2, 3)) < 1e-5)).all()
    )


def test_a_shift_stays_within_its_fraction():
    images = torch.full((200, 1, 41, 41), -1.0)
    images[:, :, 20, 20] = 1
    out = Augmenter(shift_fraction=0.1)(images, generator())
    weight = (out + 1).clamp(min=0)[:, 0]
    where = (weight.sum(1) * torch.arange(41)).sum(1) / weight.sum((1, 2))
    assert 3.5 < (where - 20).abs().max() < 4.2  # 0.1 of 41 pixels
    assert (where - 20).mean().abs() < 0.6


def test_a_rotation_turns_by_at_most_its_degrees():
    images = torch.full((100, 1, 41, 41), -1.0)
    images[:, :, 20, 35] = 1
    out = Augmenter(rotate_degrees=20)(images, generator())
    weight = (out + 1)[:, 0]
    y = (weight.sum(2) * (torch.arange(41) - 20)).sum(1) / weight.sum((1, 2))
    x = (weight.sum(1) * (torch.arange(41) - 20)).sum(1) / weight.sum((1, 2))
    degrees = torch.rad2deg(torch.atan2(y, x)).abs()
    assert 15 < degrees.max() < 21


def test_intensities_stay_in_range_and_the_seed_decides():
    images = torch.rand(8, 3, 16, 16) * 2 - 1
    change = Augmenter(rotate_degrees=10, shift_fraction=0.1, scale_fraction=0.1, intensity_fraction=0.3)
    out = change(images, generator(1))
    assert out.shape == images.shape and out.dtype == images.dtype
    assert out.min() >= -1 and out.max() <= 1
    assert torch.equal(out, change(images, generator(1)))
    assert not torch.equal(out, change(images, generator(2)))
    assert not torch.allclose(out[0], out[1])
