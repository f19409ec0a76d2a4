"""Exercises of lesson 3, Convolutional networks."""

import math

import torch
from torch.nn import functional as F

from medtutor.checks import Choice, Essay, Exercise, Guess, Quiz, Wrong, same

prefix = "cnn"

weights = Exercise(
    id="cnn.weights",
    points=1,
    prompt="""
How many weights does one convolution layer hold? Write `conv_weights(channels_in, channels_out, kernel, bias)`, where
`kernel` is the width of a square kernel and `bias` says whether each output map has a bias of its own.
""",
    starter='''
def conv_weights(channels_in, channels_out, kernel, bias=True):
    """Number of weights (and biases) of a 2D convolution layer."""
    ...
''',
    solution='''
def conv_weights(channels_in, channels_out, kernel, bias=True):
    """Number of weights (and biases) of a 2D convolution layer."""
    return channels_out * (channels_in * kernel * kernel + int(bias))
''',
    hints=(
        "One output map has one kernel for each input map. How many numbers are that?",
        "`channels_out` times (`channels_in` times `kernel` squared, plus one if there is a bias).",
    ),
    wrong={
        "forgot the input channels": Wrong(
            """
def conv_weights(channels_in, channels_out, kernel, bias=True):
    return channels_out * (kernel * kernel + int(bias))
""",
            "a kernel for each input map",
        ),
        "a bias for each kernel": Wrong(
            """
def conv_weights(channels_in, channels_out, kernel, bias=True):
    return channels_out * channels_in * (kernel * kernel + int(bias))
""",
            "one bias for each output map",
        ),
        "always counts the bias": Wrong(
            """
def conv_weights(channels_in, channels_out, kernel, bias=True):
    return channels_out * (channels_in * kernel * kernel + 1)
""",
            "bias=False",
        ),
        "kernel not squared": Wrong(
            """
def conv_weights(channels_in, channels_out, kernel, bias=True):
    return channels_out * (channels_in * kernel + int(bias))
""",
            "kernel x kernel",
        ),
    },
)


@weights.parameters
def sizes(rng):
    """Two layers that only the hidden case knows: (maps in, maps out, kernel)."""
    return {"layers": [(rng.randint(2, 9), rng.randint(2, 9), rng.choice([2, 4, 5])), (rng.randint(3, 12), 2, 1)]}


@weights.visible
def one_map_of_one_map(conv_weights):
    same(
        conv_weights(1, 1, 3, bias=False),
        9,
        "From one map to one map with bias=False, a kernel 3 wide has kernel x kernel = 9 weights.",
    )


@weights.visible
def sixteen_maps_of_three(conv_weights):
    same(conv_weights(3, 16, 3, bias=False), 432, "Each output map has a kernel for each input map: 16 x 3 x 9 = 432.")


@weights.hidden
def equal_to_torch(conv_weights, variant):
    """The count is compared with torch's for several layers."""
    for channels_in, channels_out, kernel in ((4, 7, 5), *variant.layers):
        layer = torch.nn.Conv2d(channels_in, channels_out, kernel)
        expected = sum(p.numel() for p in layer.parameters())
        same(
            conv_weights(channels_in, channels_out, kernel),
            expected,
            f"{channels_in} to {channels_out} maps, kernel {kernel} wide: torch has one bias for each output map, "
            f"{expected} numbers in all.",
        )
        same(
            conv_weights(channels_in, channels_out, kernel, False),
            expected - channels_out,
            "With bias=False there is no bias to count.",
        )


conv2d = Exercise(
    id="cnn.conv2d",
    points=2,
    prompt="""
Extend the convolution of this section: `conv2d(x, k, stride=1, padding=0)` for an image `x` of shape `(H, W)` and a
kernel `k` of shape `(kh, kw)`. Zeros are not neutral, so pad on all four sides with the value `<<fill>>` instead; move
by `stride` pixels, and do not turn the kernel. Use loops or `F.unfold`; to call `F.conv2d` would be no exercise. Leave
`x` as it is.
""",
    starter='''
import torch
from torch.nn import functional as F


def conv2d(x, k, stride=1, padding=0):
    """x (H, W), k (kh, kw), p pixels of <<fill>> around; returns ((H + 2p - kh) // stride + 1, ...)."""
    ...
''',
    solution='''
import torch
from torch.nn import functional as F


def conv2d(x, k, stride=1, padding=0):
    """x (H, W), k (kh, kw), p pixels of <<fill>> around; returns ((H + 2p - kh) // stride + 1, ...)."""
    padded = F.pad(x, (padding, padding, padding, padding), value=<<fill>>)
    height = (padded.shape[0] - k.shape[0]) // stride + 1
    width = (padded.shape[1] - k.shape[1]) // stride + 1
    y = torch.zeros(height, width)
    for r in range(height):
        for c in range(width):
            top, left = r * stride, c * stride
            y[r, c] = (padded[top : top + k.shape[0], left : left + k.shape[1]] * k).sum()
    return y
''',
    hints=(
        "First make a larger image with `F.pad(x, (padding,) * 4, value=<<fill>>)`; then only the stride is new.",
        "Output `[r, c]` looks at rows `r * stride` to `r * stride + kh` of the padded image. How many such r fit?",
    ),
    wrong={
        "turns the kernel": Wrong(
            """
from torch.nn import functional as F
def conv2d(x, k, stride=1, padding=0):
    return F.conv2d(x[None, None], k.flip(0, 1)[None, None], stride=stride, padding=padding)[0, 0]
""",
            "turned",
        ),
        "ignores the stride": Wrong(
            """
from torch.nn import functional as F
def conv2d(x, k, stride=1, padding=0):
    return F.conv2d(x[None, None], k[None, None], padding=padding)[0, 0]
""",
            "The shape should be",
        ),
        "pads on two sides only": Wrong(
            """
from torch.nn import functional as F
def conv2d(x, k, stride=1, padding=0):
    padded = F.pad(x, (2 * padding, 0, 2 * padding, 0), value=<<fill>>)
    return F.conv2d(padded[None, None], k[None, None], stride=stride)[0, 0]
""",
            "all four sides",
        ),
        "pads by repeating the edge": Wrong(
            """
from torch.nn import functional as F
def conv2d(x, k, stride=1, padding=0):
    padded = F.pad(x[None, None], (padding,) * 4, mode="replicate")
    return F.conv2d(padded, k[None, None], stride=stride)[0, 0]
""",
            "from outside the image is <<fill>>",
        ),
        "pads with zeros": Wrong(
            """
from torch.nn import functional as F
def conv2d(x, k, stride=1, padding=0):
    return F.conv2d(x[None, None], k[None, None], stride=stride, padding=padding)[0, 0]
""",
            "from outside the image is <<fill>>",
        ),
        "one output too few": Wrong(
            """
import torch
from torch.nn import functional as F
def conv2d(x, k, stride=1, padding=0):
    return F.conv2d(x[None, None], k[None, None], stride=stride, padding=padding)[0, 0][:-1, :-1]
""",
            "The shape should be",
        ),
        "swaps height and width of the kernel": Wrong(
            """
from torch.nn import functional as F
def conv2d(x, k, stride=1, padding=0):
    return F.conv2d(x[None, None], k.T[None, None], stride=stride, padding=padding)[0, 0]
""",
            "transposed",
        ),
    },
)


@conv2d.parameters
def frame(rng):
    """What is padded with, and a hidden kernel that is not square. 1 is the grey of an image of ones: not that."""
    return {"fill": rng.choice([-1.0, -0.75, -0.5, 0.25, 0.5, 0.75]), "kernel": (2, rng.choice([3, 4, 5]))}


def _conv_case(conv2d, variant, shape, kernel, stride, padding, message):
    generator = torch.Generator().manual_seed(0)
    x, k = torch.randn(shape, generator=generator), torch.randn(kernel, generator=generator)
    padded = F.pad(x, (padding,) * 4, value=variant.fill)
    expected = F.conv2d(padded[None, None], k[None, None], stride=stride)[0, 0]
    same(variant.reference(x.clone(), k.clone(), stride, padding), expected, "The solution is not torch's.", 1e-4)
    same(conv2d(x.clone(), k.clone(), stride, padding), expected, message, 1e-4)


@conv2d.visible
def no_padding_no_stride(conv2d):
    x = torch.arange(12.0).reshape(3, 4)
    k = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    message = "A kernel with a 1 at its top right looks one pixel to the right; is yours turned or transposed?"
    same(conv2d(x, k), x[:2, 1:], message)


@conv2d.visible
def stride_two(conv2d):
    x = torch.arange(16.0).reshape(4, 4)
    same(
        conv2d(x, torch.ones(1, 1), stride=2), x[::2, ::2], "With stride 2 and a 1 x 1 kernel every second pixel stays."
    )


@conv2d.visible
def padding_keeps_the_size(conv2d, variant):
    x = torch.ones(4, 4)
    middle = torch.zeros(3, 3)
    middle[1, 1] = 1
    same(conv2d(x, middle, padding=1), x, "Pad on all four sides: a kernel with a 1 in its middle returns the image.")
    corner = torch.zeros(3, 3)
    corner[0, 0] = 1
    shifted = torch.full((4, 4), variant.fill)
    shifted[1:, 1:] = 1
    same(conv2d(x, corner, padding=1), shifted, f"What comes in from outside the image is {variant.fill}.")


@conv2d.hidden
def odd_shapes(conv2d, variant):
    """An image and a kernel that are not square, with stride and padding."""
    high, wide = variant.kernel
    message = f"A kernel that is {high} high and {wide} wide gives another result; is it transposed?"
    _conv_case(conv2d, variant, (9, 12), variant.kernel, 1, 0, message)
    _conv_case(conv2d, variant, (7, 10), (3, 3), 2, 1, "Stride 2 with padding 1 differs from torch's.")
    _conv_case(conv2d, variant, (8, 8), (3, 3), 3, 2, "Stride 3 with padding 2 differs from torch's.")


@conv2d.hidden
def the_image_stays(conv2d):
    """The image that goes in is looked at again afterwards."""
    x = torch.randn(6, 6, generator=torch.Generator().manual_seed(1))
    before = x.clone()
    conv2d(x, torch.ones(3, 3), 1, 1)
    assert torch.equal(x, before), "Your function changes the image that it is given; work on a padded copy."


field_of_view = Exercise(
    id="cnn.receptive_field",
    points=2,
    prompt="""
A *dilated* convolution spreads its kernel: with dilation $d$ the weights lie $d$ positions apart on the map that they
read, so a kernel 3 wide covers $2d + 1$ positions. Write `field_of_view(layers)` for a list of `(kernel, stride,
dilation)`. These layers follow a *stem* that is not in the list: a first convolution, <<kernel>> wide, with stride
<<stride>> and dilation 1, which reads the image. Return the width in pixels of the image that one output sees.
""",
    starter='''
def field_of_view(layers):
    """layers: (kernel, stride, dilation) from the stem on; returns the receptive field in pixels of the image."""
    ...
''',
    solution='''
def field_of_view(layers):
    """layers: (kernel, stride, dilation) from the stem on; returns the receptive field in pixels of the image."""
    width, step = <<kernel>>, <<stride>>
    for kernel, stride, dilation in layers:
        width += (kernel - 1) * dilation * step
        step *= stride
    return width
''',
    hints=(
        "Start from `receptive_field` of this section. What does dilation change: the step between neighbours of the "
        "map, or the reach of the kernel on it? And what are width and step behind the stem?",
        "The reach grows: `(kernel - 1) * dilation` instead of `(kernel - 1)`. Behind the stem the width is <<kernel>> "
        "and the step <<stride>>; each layer's stride counts for the next.",
    ),
    wrong={
        "stride before the kernel": Wrong(
            """
def field_of_view(layers):
    width, step = <<kernel>>, <<stride>>
    for kernel, stride, dilation in layers:
        step *= stride
        width += (kernel - 1) * dilation * step
    return width
""",
            "counts for the layers after it",
        ),
        "ignores dilation": Wrong(
            """
def field_of_view(layers):
    width, step = <<kernel>>, <<stride>>
    for kernel, stride, dilation in layers:
        width += (kernel - 1) * step
        step *= stride
    return width
""",
            "look at what dilation",
        ),
        "forgets the stem": Wrong(
            """
def field_of_view(layers):
    width, step = 1, 1
    for kernel, stride, dilation in layers:
        width += (kernel - 1) * dilation * step
        step *= stride
    return width
""",
            "what the stem sees",
        ),
        "forgets the stride of the stem": Wrong(
            """
def field_of_view(layers):
    width, step = <<kernel>>, 1
    for kernel, stride, dilation in layers:
        width += (kernel - 1) * dilation * step
        step *= stride
    return width
""",
            "apart",
        ),
        "starts at zero": Wrong(
            """
def field_of_view(layers):
    width, step = 0, 1
    for kernel, stride, dilation in [(<<kernel>>, <<stride>>, 1), *layers]:
        width += (kernel - 1) * dilation * step
        step *= stride
    return width
""",
            "what the stem sees",
        ),
        "adds kernels instead of reaches": Wrong(
            """
def field_of_view(layers):
    width, step = <<kernel>>, <<stride>>
    for kernel, stride, dilation in layers:
        width += kernel * dilation * step
        step *= stride
    return width
""",
            "overlap",
        ),
    },
)


@field_of_view.parameters
def stem(rng):
    """The stem, and layers that only a hidden case knows."""
    layers = [(rng.randint(2, 4), rng.randint(1, 2), rng.randint(2, 3)) for _ in range(3)]
    tower = [(rng.randint(1, 5), rng.randint(1, 3), rng.randint(1, 4)) for _ in range(8)]
    return {"kernel": rng.choice([3, 5, 7]), "stride": rng.choice([2, 3]), "layers": layers, "tower": tower}


@field_of_view.visible
def no_layer(field_of_view, variant):
    message = f"Without layers behind it, an output sees what the stem sees: {variant.kernel} pixels."
    same(field_of_view([]), variant.kernel, message)


@field_of_view.visible
def one_layer(field_of_view, variant):
    wide, step = variant.kernel + 2 * variant.stride, variant.stride
    message = (
        f"One 3 x 3 layer behind the stem sees {wide} pixels: 3 kernels of the stem, {step} pixels apart, overlap."
    )
    same(field_of_view([(3, 1, 1)]), wide, message)


@field_of_view.visible
def one_strided_layer(field_of_view, variant):
    message = "The stride of a layer counts for the layers after it, not for its own view."
    same(field_of_view([(3, 2, 1)]), variant.kernel + 2 * variant.stride, message)


@field_of_view.hidden
def against_gradients(field_of_view, variant):
    """Networks with strides and dilations, whose view was counted by their gradients."""
    for layers in ([(3, 1, 2)], [(3, 2, 1), (3, 1, 4)], variant.layers):
        every = [(variant.kernel, variant.stride, 1), *layers]
        convs = [torch.nn.Conv2d(1, 1, k, s, dilation=d, bias=False) for k, s, d in every]
        net = torch.nn.Sequential(*convs)
        for conv in convs:
            torch.nn.init.ones_(conv.weight)
        image = torch.ones(1, 1, 240, 240, requires_grad=True)
        net(image)[0, 0, 0, 0].backward()
        rows = torch.where(image.grad[0, 0].any(dim=1))[0]
        counted = int(rows.max() - rows.min()) + 1
        message = f"For {layers} the gradient reaches over {counted} pixels; look at what dilation and stride do."
        same(field_of_view(layers), counted, message)


@field_of_view.hidden
def a_tower_of_layers(field_of_view, variant):
    """More layers than an image is wide enough for."""
    expected = variant.reference(variant.tower)
    same(field_of_view(variant.tower), expected, "For eight layers of mixed strides and dilations the width differs.")


ppv = Exercise(
    id="cnn.ppv",
    points=2,
    prompt="""
Write `true_alarms(sensitivity, specificity, prevalence)`: of the children that are called ill, which share is ill (the
positive predictive value)? All three are shares between 0 and 1, and any of them may be a tensor; then the result is a
tensor. Where nobody is called ill, the share does not exist: return `nan`, also for plain numbers.
""",
    starter='''
import torch


def true_alarms(sensitivity, specificity, prevalence):
    """Positive predictive value by Bayes' rule."""
    ...
''',
    solution='''
import torch


def true_alarms(sensitivity, specificity, prevalence):
    """Positive predictive value by Bayes' rule."""
    true = torch.as_tensor(sensitivity * prevalence)
    false = torch.as_tensor((1 - specificity) * (1 - prevalence))
    return true / (true + false)
''',
    hints=(
        "Take 1000 children. How many are ill and called ill? How many are healthy and called ill?",
        "`true / (true + false)` with `true = sensitivity * prevalence` and `false = (1 - specificity) * "
        "(1 - prevalence)`. As tensors, 0 / 0 gives nan by itself.",
    ),
    wrong={
        "returns the sensitivity": Wrong(
            """
def true_alarms(sensitivity, specificity, prevalence):
    return sensitivity + 0 * specificity + 0 * prevalence
""",
            "not the sensitivity",
        ),
        "forgets the prevalence": Wrong(
            """
def true_alarms(sensitivity, specificity, prevalence):
    return sensitivity / (sensitivity + 1 - specificity)
""",
            "prevalence",
        ),
        "counts healthy children by the specificity": Wrong(
            """
def true_alarms(sensitivity, specificity, prevalence):
    true = sensitivity * prevalence
    return true / (true + specificity * (1 - prevalence))
""",
            "1 - specificity",
        ),
        "stops when nobody is called ill": Wrong(
            """
def true_alarms(sensitivity, specificity, prevalence):
    true = sensitivity * prevalence
    return true / (true + (1 - specificity) * (1 - prevalence))
""",
            "nobody is called ill",
        ),
    },
)


@ppv.visible
def one_in_ten_is_ill(true_alarms):
    value = true_alarms(0.9, 0.8, 0.1)
    assert value is None or abs(value - 0.9) > 1e-6, "This is not the sensitivity, the share of the ill called ill."
    message = (
        "true_alarms(0.9, 0.8, 0.1) is 1/3: of 1000 children 90 true alarms, and 900 * (1 - specificity) false ones. "
    )
    same(value, 1 / 3, message + "Does your result depend on the prevalence?")


@ppv.visible
def half_are_ill(true_alarms):
    same(
        true_alarms(0.9, 0.7, 0.5), 0.75, "With half of the children ill it is 0.9 / (0.9 + (1 - specificity)) = 0.75."
    )


@ppv.hidden
def tensors_go_through(true_alarms):
    """A tensor of prevalences gives a tensor of shares."""
    prevalence = torch.tensor([0.1, 0.5, 1.0])
    expected = 0.9 * prevalence / (0.9 * prevalence + 0.2 * (1 - prevalence))
    same(true_alarms(0.9, 0.8, prevalence), expected, "A tensor of prevalences should give one share each.")


@ppv.hidden
def all_alarms_are_false(true_alarms):
    """Sensitivity 0, but some of the healthy are called ill."""
    same(
        true_alarms(torch.tensor(0.0), 0.5, 0.3),
        0.0,
        "Where every alarm is false, the share of true ones is 0, not nan.",
    )


@ppv.hidden
def nobody_is_called_ill(true_alarms):
    """Sensitivity 0 and specificity 1."""
    try:
        value = float(true_alarms(0.0, 1.0, 0.3))
    except ZeroDivisionError:
        raise AssertionError("Where nobody is called ill, your code divides by zero; return nan there.") from None
    assert math.isnan(value), "Where nobody is called ill there is no such share: return nan."


flips = Exercise(
    id="cnn.flips",
    points=1,
    prompt="""
For which of these questions may a left-right mirror image be used as augmentation, because the label stays true *and*
the image stays possible? Put `True` or `False` in place of each `None`.
""",
    starter="""
may_mirror = {
    "blood smear: which kind of cell is it?": None,
    "abdominal CT slice: left or right kidney?": None,
    "chest X-ray: is the heart on the patient's right side?": None,
    "tissue under the microscope: tumour or not?": None,
    "chest X-ray: on which side is the pneumothorax?": None,
}
""",
    solution="""
may_mirror = {
    "blood smear: which kind of cell is it?": True,
    "abdominal CT slice: left or right kidney?": False,
    "chest X-ray: is the heart on the patient's right side?": False,
    "tissue under the microscope: tumour or not?": True,
    "chest X-ray: on which side is the pneumothorax?": False,
}
""",
    hints=(
        "Ask two questions: would an expert still give the same label? Could the mirrored image come from a patient?",
        "Under a microscope a slide has no side. A body has one, and three of the questions ask for it.",
    ),
    wrong={
        "mirrors everything": Wrong(
            """
may_mirror = dict.fromkeys([
    "blood smear: which kind of cell is it?", "abdominal CT slice: left or right kidney?",
    "chest X-ray: is the heart on the patient's right side?", "tissue under the microscope: tumour or not?",
    "chest X-ray: on which side is the pneumothorax?"], True)
""",
            "the side is the label",
        ),
        "mirrors nothing": Wrong(
            """
may_mirror = dict.fromkeys([
    "blood smear: which kind of cell is it?", "abdominal CT slice: left or right kidney?",
    "chest X-ray: is the heart on the patient's right side?", "tissue under the microscope: tumour or not?",
    "chest X-ray: on which side is the pneumothorax?"], False)
""",
            "a slide can lie either way",
        ),
        "half filled in": Wrong(
            """
may_mirror = {
    "blood smear: which kind of cell is it?": True,
    "abdominal CT slice: left or right kidney?": False,
    "chest X-ray: is the heart on the patient's right side?": None,
    "tissue under the microscope: tumour or not?": True,
    "chest X-ray: on which side is the pneumothorax?": None,
}
""",
            "still None",
        ),
        "swaps sides but forgets the label": Wrong(
            """
may_mirror = {
    "blood smear: which kind of cell is it?": True,
    "abdominal CT slice: left or right kidney?": False,
    "chest X-ray: is the heart on the patient's right side?": False,
    "tissue under the microscope: tumour or not?": True,
    "chest X-ray: on which side is the pneumothorax?": True,
}
""",
            "the side is the label",
        ),
    },
)


@flips.visible
def every_question_has_an_answer(may_mirror):
    assert isinstance(may_mirror, dict) and len(may_mirror) == 5, "Keep the dict with its five questions as it was."
    empty = [question for question, choice in may_mirror.items() if choice is None]
    assert not empty, f"Not all questions are answered: {empty[0]!r} is still None."
    assert all(isinstance(choice, bool) for choice in may_mirror.values()), "Answer with True or False."


@flips.hidden
def the_side_is_kept_where_it_matters(may_mirror):
    """The questions in which a side occurs, and those in which none does."""
    for question, choice in may_mirror.items():
        if question.startswith(("blood", "tissue")):
            assert choice, f"{question} Nothing in it has a side: a slide can lie either way, so mirroring is allowed."
        else:
            assert not choice, f"{question} Here the side is the label (or decides it): a mirror image makes it false."


shape = Quiz(
    id="cnn.shape",
    question="A batch of shape (8, 16, 28, 28) goes through a 3 x 3 convolution with 32 output maps, stride 2 and "
    "padding 1. Which shape comes out?",
    choices=(
        Choice("(8, 32, 28, 28)", "That would be stride 1: stride 2 looks at every second position only."),
        Choice(
            "(8, 32, 14, 14)", "Yes: (28 + 2 - 3) // 2 + 1 = 14, and one map for each of the 32 kernels.", right=True
        ),
        Choice(
            "(8, 512, 14, 14)", "Each output map adds up over all 16 input maps, so there are 32 maps, not 16 x 32."
        ),
        Choice("(8, 32, 13, 13)", "That would be without padding."),
    ),
)

depth = Quiz(
    id="cnn.depth",
    question="After the same number of steps a plain stack of 24 blocks has a higher training loss than one of 8 "
    "blocks. What is the matter?",
    choices=(
        Choice(
            "It overfits.", "Overfitting shows in a low training loss and a high validation loss. Here training fails."
        ),
        Choice(
            "It is harder to optimise: the steps that training takes do not reach the weights that would serve.",
            "Yes. The deep stack could represent the shallow one, but in these steps the optimiser does not get there.",
            right=True,
        ),
        Choice("It has too few weights.", "It has more weights than the shallow one."),
        Choice("Its receptive field is too small.", "Depth makes the receptive field larger."),
    ),
)

gap = Quiz(
    id="cnn.gap",
    question="Validation AUC is clearly above test AUC here. Which of these could explain it? Choose all that could.",
    choices=(
        Choice(
            "Children of the training set may be in validation too.",
            "Yes: validation was cut from the source's training images, and nobody knows the patients.",
            right=True,
        ),
        Choice(
            "The test images are of other patients and differ more from training.",
            "Yes: it fits what we see, though the file cannot prove it; other hospitals would differ more still.",
            right=True,
        ),
        Choice(
            "The test set was used to choose the number of epochs.", "That would make the test score too high, not low."
        ),
        Choice(
            "AUC falls when fewer of the children are ill.",
            "AUC compares pairs of one ill and one healthy child; the share of ill children does not enter.",
        ),
    ),
)

saved = Quiz(
    id="cnn.threshold",
    question="A clinic where one in ten children is ill uses the network with the threshold as it is. What changes "
    "there, compared with the test set, if the children themselves look the same?",
    choices=(
        Choice("Sensitivity", "It looks at ill children only, so their share does not matter."),
        Choice("Specificity", "It looks at healthy children only, so their share does not matter."),
        Choice("The share of alarms that are true", "Yes: more healthy children means more false alarms.", right=True),
        Choice("AUC", "It compares pairs of one ill and one healthy child; the share of ill children does not enter."),
    ),
)

net_auc = Guess(
    id="cnn.net_auc",
    points=1,
    prompt="Which validation AUC will the convolutional network reach that we build in section 8?",
    name="guess_net",
    unit="AUC",
    low=0.5,
    high=1,
)

threshold_for_a_clinic = Essay(
    id="cnn.which_threshold",
    points=3,
    prompt="""
The clinic asks which threshold it should use. Answer in a few sentences: what can moving the threshold change and what
can it not (read a point off the curve as an example)? Why must it not be chosen on this figure? What do you need to
know from the clinic first?
""",
    rubric="""
- One point: moving the threshold walks along the curve, more of the ill found against more of the healthy called ill.
  It does not change the ranking, so the curve and its AUC stay. A point is read off with both of its numbers.
- One point: this is the test set. A threshold that is chosen here was fitted to it, and its score is no longer that of
  unseen images; choose it on validation images, best on the clinic's own. (Also: the curve is of averaged scores, and
  the band shows how far it would move with other images.)
- One point: how common pneumonia is among its children, what a missed child and a false alarm cost there, who reads the
  image afterwards, and whether its machine and children are like these.
""",
    words=(40, 250),
)
