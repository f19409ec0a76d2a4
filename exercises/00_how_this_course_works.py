"""Exercises of lesson 0, How this course works."""

import torch

from medtutor.checks import Choice, Exercise, Quiz, Wrong, same

prefix = "start"

brightness = Exercise(
    id="start.brightness",
    points=1,
    prompt="""
Write `mean_brightness(images)`: for images of shape `(N, C, H, W)`, whole numbers from 0 to 255, return the mean
brightness of each image, between 0 and 1, as a tensor of shape `(N,)`.
""",
    starter='''
import torch


def mean_brightness(images):
    """images: uint8 (N, C, H, W); returns float (N,), 0 for black and 1 for white."""
    ...
''',
    solution='''
import torch


def mean_brightness(images):
    """images: uint8 (N, C, H, W); returns float (N,), 0 for black and 1 for white."""
    return images.float().mean(dim=(1, 2, 3)) / 255
''',
    hints=(
        "Whole numbers have no mean in PyTorch: `images.float()` first. Which axes belong to one image?",
        "`images.float().mean(dim=(1, 2, 3))` is the mean of each image, from 0 to 255. What is left to do?",
    ),
    wrong={
        "one number for all images": Wrong(
            "def mean_brightness(images):\n    return images.float().mean() / 255\n",
            "The shape should be (2,)",
        ),
        "not scaled": Wrong(
            "def mean_brightness(images):\n    return images.float().mean(dim=(1, 2, 3))\n",
            "white image is 1",
        ),
        "keeps the channels apart": Wrong(
            "def mean_brightness(images):\n    return images.float().mean(dim=(2, 3)) / 255\n",
            "The shape should be",
        ),
        "scales by the brightest pixel": Wrong(
            "def mean_brightness(images):\n    x = images.float()\n    return x.mean(dim=(1, 2, 3)) / x.max()\n",
            "255",
        ),
        "the mean of whole numbers": Wrong(
            "def mean_brightness(images):\n    return images.mean(dim=(1, 2, 3)) / 255\n",
            "could not infer output dtype",
        ),
        "only the first channel": Wrong(
            "def mean_brightness(images):\n    return images[:, 0].float().mean(dim=(1, 2)) / 255\n",
            "all channels",
        ),
    },
)


@brightness.visible
def black_and_white(mean_brightness):
    images = torch.stack([torch.zeros(1, 4, 4), torch.full((1, 4, 4), 255)]).to(torch.uint8)
    same(mean_brightness(images), torch.tensor([0.0, 1.0]), "A black image is 0 and a white image is 1.")


@brightness.visible
def a_grey_image(mean_brightness):
    images = torch.full((1, 1, 2, 2), 51, dtype=torch.uint8)
    same(mean_brightness(images), torch.tensor([0.2]), "51 of 255 is 0.2, however bright the brightest pixel is.")


@brightness.hidden
def colour_and_odd_shapes(mean_brightness):
    """Colour images that are wider than high, and a batch of one."""
    images = torch.randint(0, 256, (3, 3, 5, 7), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    expected = images.double().mean(dim=(1, 2, 3)) / 255
    same(mean_brightness(images), expected, "For a colour image the mean is over all channels.")
    same(mean_brightness(images[:1]), expected[:1], "A batch with one image should work too.")


interval = Quiz(
    id="start.interval",
    question="A model's AUC is 0.62, with the interval 0.48 to 0.75. What may you say?",
    choices=(
        Choice("It is better than a coin.", "The interval holds 0.5, so these images cannot tell it from a coin."),
        Choice(
            "These images cannot tell whether it is better than a coin.",
            "Yes. More images would make the interval narrower; the model may still be good, or not.",
            right=True,
        ),
        Choice("It is no better than a coin.", "That has not been shown either: 0.75 lies in the interval as well."),
    ),
)
