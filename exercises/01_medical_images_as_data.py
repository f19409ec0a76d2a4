"""Exercises of lesson 1, Medical images as data."""

import struct

import numpy as np

from medtutor.checks import Choice, Exercise, Quiz, Wrong, same

prefix = "data"

bytes_ = Exercise(
    id="data.bytes",
    points=1,
    prompt="""
Write `nifti_shape(header)`: the shape of a NIfTI volume as a tuple of whole numbers, from the 348 bytes of its header.
At byte 40 stand eight whole numbers of 16 bits: how many axes there are, then their lengths; the numbers behind the
last axis do not count. Some files are written with the *big* end first; the first four bytes tell.
""",
    starter='''
import struct


def nifti_shape(header):
    """Lengths of the axes of a NIfTI volume, from the bytes of its header."""
    ...
''',
    solution='''
import struct


def nifti_shape(header):
    """Lengths of the axes of a NIfTI volume, from the bytes of its header."""
    order = "<" if struct.unpack_from("<i", header, 0)[0] == 348 else ">"
    count, *lengths = struct.unpack_from(order + "8h", header, 40)
    return tuple(lengths[:count])
''',
    hints=(
        "Which of `<` and `>` makes 348 of the first four bytes? The same sign stands before every other type.",
        'With that sign `struct.unpack_from(order + "8h", header, 40)` gives eight; the first says how many count.',
    ),
    wrong={
        "always little endian": Wrong(
            """
import struct
def nifti_shape(header):
    count, *lengths = struct.unpack_from("<8h", header, 40)
    return tuple(lengths[:count])
""",
            "big end first",
        ),
        "always three axes": Wrong(
            """
import struct
def nifti_shape(header):
    order = "<" if struct.unpack_from("<i", header, 0)[0] == 348 else ">"
    return struct.unpack_from(order + "3h", header, 42)
""",
            "how many axes",
        ),
        "the count is part of the shape": Wrong(
            """
import struct
def nifti_shape(header):
    order = "<" if struct.unpack_from("<i", header, 0)[0] == 348 else ">"
    dim = struct.unpack_from(order + "8h", header, 40)
    return tuple(dim[: dim[0]])
""",
            "is not a length",
        ),
        "all seven": Wrong(
            """
import struct
def nifti_shape(header):
    order = "<" if struct.unpack_from("<i", header, 0)[0] == 348 else ">"
    return struct.unpack_from(order + "8h", header, 40)[1:]
""",
            "behind the last axis",
        ),
        "numbers of 32 bits": Wrong(
            """
import struct
def nifti_shape(header):
    order = "<" if struct.unpack_from("<i", header, 0)[0] == 348 else ">"
    count, *lengths = struct.unpack_from(order + "8i", header, 40)
    return tuple(lengths[:3])
""",
            "16 bits",
        ),
    },
)


def _header(order, *dim):
    """348 bytes of a NIfTI header with these eight numbers at byte 40."""
    raw = bytearray(348)
    struct.pack_into(order + "i", raw, 0, 348)
    struct.pack_into(order + "8h", raw, 40, *dim)
    struct.pack_into("4s", raw, 344, b"n+1\0")
    return bytes(raw)


def _shape(nifti_shape, header, expected, message):
    shape = nifti_shape(header)
    if isinstance(shape, tuple | list) and all(isinstance(length, int) for length in shape):
        assert tuple(shape) == expected, f"{message} Expected {expected}, got {tuple(shape)[:8]}."
    same(shape, expected, message)


@bytes_.visible
def three_axes(nifti_shape):
    header = _header("<", 3, 36, 50, 40, 1, 1, 1, 1)
    shape = nifti_shape(header)
    assert shape is None or tuple(shape) != (3, 36, 50), "The first number, 3, is not a length: it counts the axes."
    if isinstance(shape, tuple | list) and any(length > 32767 for length in shape):
        raise AssertionError("Your lengths are far too large: these are numbers of 16 bits, the type `h`.")
    message = "The first number says that three axes count, the numbers behind the last axis do not."
    _shape(nifti_shape, header, (36, 50, 40), message)


@bytes_.hidden
def other_end_first(nifti_shape):
    """A header that was written with the big end first."""
    message = "This header is written with the big end first: its first four bytes make 348 with `>`."
    _shape(nifti_shape, _header(">", 3, 320, 280, 13, 1, 1, 1, 1), (320, 280, 13), message)


@bytes_.hidden
def two_and_four_axes(nifti_shape):
    """A single slice, and a series over time."""
    message = "The first number says how many axes there are."
    _shape(nifti_shape, _header("<", 4, 64, 64, 30, 200, 1, 1, 1), (64, 64, 30, 200), message)
    _shape(nifti_shape, _header(">", 2, 512, 256, 1, 1, 1, 1, 1), (512, 256), message)


hounsfield = Exercise(
    id="data.hounsfield",
    points=1,
    prompt="""
Write `to_hu(stored, slope, intercept)`: the stored numbers of a CT slice, an array of *any* whole-number type, to
Hounsfield units as float32. Leave `stored` as it is. One of the cases stores whole numbers without a sign.
""",
    starter='''
import numpy as np


def to_hu(stored, slope, intercept):
    """Stored CT values, any integer type, to Hounsfield units, float32."""
    ...
''',
    solution='''
import numpy as np


def to_hu(stored, slope, intercept):
    """Stored CT values, any integer type, to Hounsfield units, float32."""
    return stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
''',
    hints=(
        "Which comes first, the slope or the intercept? And in which number type does Python calculate here?",
        "`stored.astype(np.float32)` first of all; then times `np.float32(slope)`, plus `np.float32(intercept)`.",
    ),
    wrong={
        "calculates in the stored type": Wrong(
            """
import numpy as np
def to_hu(stored, slope, intercept):
    return (stored * stored.dtype.type(slope) + np.int64(intercept).astype(stored.dtype)).astype(np.float32)
""",
            "wraps around",
        ),
        "subtracts in the stored type": Wrong(
            """
import numpy as np
def to_hu(stored, slope, intercept):
    return (stored * slope + intercept).astype(np.float32)
""",
            "whole numbers without a sign",
        ),
        "casts to int16 first": Wrong(
            """
import numpy as np
def to_hu(stored, slope, intercept):
    return stored.astype(np.int16).astype(np.float32) * np.float32(slope) + np.float32(intercept)
""",
            "int16 ends at 32767",
        ),
        "intercept before slope": Wrong(
            """
import numpy as np
def to_hu(stored, slope, intercept):
    return (stored.astype(np.float32) + intercept) * np.float32(slope)
""",
            "first times the slope",
        ),
        "forgets the slope": Wrong(
            """
import numpy as np
def to_hu(stored, slope, intercept):
    return stored.astype(np.float32) + intercept
""",
            "times the slope",
        ),
        "always 1024": Wrong(
            """
import numpy as np
def to_hu(stored, slope, intercept):
    return stored.astype(np.float32) * slope - 1024
""",
            "the file's intercept",
        ),
        "rounds to whole numbers": Wrong(
            """
import numpy as np
def to_hu(stored, slope, intercept):
    return (stored.astype(np.float32) * slope + intercept).astype(np.int32)
""",
            "float32",
        ),
    },
)


@hounsfield.visible
def air_and_water(to_hu):
    stored = np.array([[24, 1024], [1064, 2024]], np.int16)
    message = "With slope 1 and intercept -1024, 24 is air (-1000 HU) and 1024 is water (0 HU)."
    same(to_hu(stored, 1, -1024), np.array([[-1000, 0], [40, 1000]], np.float32), message)


@hounsfield.visible
def slope_two(to_hu):
    stored = np.array([0, 100, 500], np.int16)
    message = (
        "With slope 2 and intercept -1000: first times the slope, then plus the file's intercept: 100 becomes -800."
    )
    same(to_hu(stored, 2, -1000), np.array([-1000, -800, 0], np.float32), message)


@hounsfield.hidden
def the_intercept_of_the_file(to_hu):
    """A file whose intercept is 0."""
    same(
        to_hu(np.array([-1000, 0], np.int16), 1, 0),
        np.array([-1000, 0], np.float32),
        "Use the file's intercept: in some files it is 0.",
    )


@hounsfield.hidden
def numbers_without_sign(to_hu):
    """Stored as uint16."""
    stored = np.array([0, 100, 4095], np.uint16)
    try:
        result = to_hu(stored, 1, -1024)
    except OverflowError:
        raise AssertionError(
            "-1024 does not fit among whole numbers without a sign (uint16). Make it float32 before you calculate."
        ) from None
    message = "For uint16 your result wraps around: it never goes below 0. Make it float32 before you calculate."
    same(result, np.array([-1024, -924, 3071], np.float32), message)
    large = to_hu(np.array([40000, 65535], np.uint16), 1, -1024)
    message = "40000 in uint16 becomes 38976 HU: int16 ends at 32767 and wraps around, float32 does not."
    same(large, np.array([38976, 64511], np.float32), message)


@hounsfield.hidden
def the_type_is_float32_and_the_input_stays(to_hu):
    """A slope of a half; a slope that is a NumPy number; the stored array is looked at again afterwards."""
    stored = np.array([1, 3], np.uint8)
    result = to_hu(stored, 0.5, -1)
    same(result, np.array([-0.5, 0.5], np.float32), "With slope 0.5 there are halves: the result should be float32.")
    assert getattr(result, "dtype", None) == np.float32, "The result should be an array of float32."
    message = "Your result is not right where the slope is itself a NumPy number (np.float64)."
    same(to_hu(stored, np.float64(0.5), np.float64(-1)), np.array([-0.5, 0.5], np.float32), message)
    assert stored.tolist() == [1, 3], "Your function changes the array that it is given."


window = Exercise(
    id="data.window",
    points=2,
    prompt="""
A viewer wants 8-bit greys. Write `to_grey(hu, center, width)`: HU to `uint8`, where everything at or below
`center - width / 2` is 0, everything at or above `center + width / 2` is 255, and between them the grey grows evenly,
*rounded* to the nearest whole number. The width may be odd. Leave `hu` as it is.
""",
    starter='''
import numpy as np


def to_grey(hu, center, width):
    """HU to uint8 greys through a window."""
    ...
''',
    solution='''
import numpy as np


def to_grey(hu, center, width):
    """HU to uint8 greys through a window."""
    low = center - width / 2
    share = np.clip((np.asarray(hu, np.float64) - low) / width, 0, 1)
    return np.round(share * 255).astype(np.uint8)
''',
    hints=(
        "Begin with `window` of this section: it gives 0 to 1. What is left to do, and in which order?",
        "Clip, times 255, `np.round`, and `astype(np.uint8)` last: it only keeps whole numbers from 0 to 255.",
    ),
    wrong={
        "does not clip": Wrong(
            """
import numpy as np
def to_grey(hu, center, width):
    share = (np.asarray(hu, np.float64) - center + width / 2) / width
    return (np.round(share * 255).astype(np.int64) % 256).astype(np.uint8)
""",
            "outside of the window",
        ),
        "width on each side": Wrong(
            """
import numpy as np
def to_grey(hu, center, width):
    share = np.clip((np.asarray(hu, np.float64) - center + width) / (2 * width), 0, 1)
    return np.round(share * 255).astype(np.uint8)
""",
            "half of the width",
        ),
        "stretches to the image": Wrong(
            """
import numpy as np
def to_grey(hu, center, width):
    hu = np.clip(np.asarray(hu, np.float64), center - width / 2, center + width / 2)
    return np.round((hu - hu.min()) / max(hu.max() - hu.min(), 1e-9) * 255).astype(np.uint8)
""",
            "depends on the other pixels",
        ),
        "cuts off": Wrong(
            """
import numpy as np
def to_grey(hu, center, width):
    return (np.clip((np.asarray(hu, np.float64) - center + width / 2) / width, 0, 1) * 255).astype(np.uint8)
""",
            "round",
        ),
        "stays between 0 and 1": Wrong(
            """
import numpy as np
def to_grey(hu, center, width):
    return np.clip((np.asarray(hu, np.float64) - center + width / 2) / width, 0, 1)
""",
            "uint8",
        ),
        "times 256": Wrong(
            """
import numpy as np
def to_grey(hu, center, width):
    share = np.clip((np.asarray(hu, np.float64) - center + width / 2) / width, 0, 1)
    return (np.round(share * 256).astype(np.int64) % 256).astype(np.uint8)
""",
            "times 255",
        ),
        "whole half of the width": Wrong(
            """
import numpy as np
def to_grey(hu, center, width):
    share = np.clip((np.asarray(hu, np.float64) - (center - width // 2)) / width, 0, 1)
    return np.round(share * 255).astype(np.uint8)
""",
            "odd",
        ),
        "changes what it is given": Wrong(
            """
import numpy as np
def to_grey(hu, center, width):
    hu[hu < center - width / 2] = center - width / 2
    hu[hu > center + width / 2] = center + width / 2
    return np.round((hu - (center - width / 2)) / width * 255).astype(np.uint8)
""",
            "leave hu as it is",
        ),
        "upside down": Wrong(
            """
import numpy as np
def to_grey(hu, center, width):
    share = np.clip((np.asarray(hu, np.float64) - center + width / 2) / width, 0, 1)
    return np.round(255 - share * 255).astype(np.uint8)
""",
            "Air is black",
        ),
    },
)


@window.visible
def ends_of_the_soft_tissue_window(to_grey):
    result = to_grey(np.array([-160.0, 240.0]), 40, 400)
    assert result is None or getattr(result, "dtype", None) == np.uint8, "The result should be an array of uint8."
    if result is not None and result.tolist() == [0, 0]:
        raise AssertionError("White should be 255 and is 0: times 255, not 256, which does not fit into uint8.")
    same(result, np.array([0, 255]), "40 +- 200 goes from -160 to 240: half of the width on each side. Air is black.")


@window.visible
def outside_of_the_window(to_grey):
    same(
        to_grey(np.array([[-1000, 3000]]), 40, 400),
        np.array([[0, 255]]),
        "Values outside of the window stay 0 or 255: clip before you make it uint8.",
    )


@window.hidden
def one_value_alone(to_grey):
    """An image in which all pixels are equal."""
    same(
        to_grey(np.full((2, 2), -80, np.int16), 40, 400),
        np.full((2, 2), 51),
        "An image that is -80 HU everywhere should be 51 (a fifth) everywhere: no grey depends on the other pixels.",
    )


@window.hidden
def an_odd_width(to_grey):
    """A window of width 5 around 10, from 7.5 to 12.5."""
    message = "With the odd width 5 around 10 the window goes from 7.5 to 12.5: half of 5 is 2.5."
    same(to_grey(np.array([7.0, 8.0, 10.0, 12.0, 13.0]), 10, 5), np.array([0, 26, 128, 230, 255]), message)


@window.hidden
def what_it_is_given_stays(to_grey):
    """The values are looked at again afterwards."""
    hu = np.array([-1000.0, 40.0, 3000.0])
    to_grey(hu, 40, 400)
    assert hu.tolist() == [-1000, 40, 3000], "Your function changes the array that it is given; leave hu as it is."


@window.hidden
def nearest_whole_number(to_grey):
    """Values that fall between two greys."""
    hu = np.array([0.0, 10.0, 33.0, 79.0, 80.0])
    expected = np.round(hu / 80 * 255)
    same(to_grey(hu, 40, 80), expected, "Greys between two whole numbers: round to the nearest, `astype` cuts off.")


preset = Exercise(
    id="data.preset",
    points=1,
    prompt="""
Look at the four windows of the figure above. For each question, which *one* preset would you open first? Put "lung",
"soft tissue", "bone" or "brain" in place of each `None`.
""",
    starter="""
first_window = {
    "a hairline crack in a vertebra": None,
    "a nodule of 6 mm between the vessels of the lung": None,
    "fluid around the liver": None,
    "fresh blood (60 HU) beside brain (35 HU)": None,
}
""",
    solution="""
first_window = {
    "a hairline crack in a vertebra": "bone",
    "a nodule of 6 mm between the vessels of the lung": "lung",
    "fluid around the liver": "soft tissue",
    "fresh blood (60 HU) beside brain (35 HU)": "brain",
}
""",
    hints=(
        "Ask where on the scale both things lie that you want to tell apart, and how far apart they are.",
        "A difference of 25 HU is a third of the greys in a window 80 wide, and a sixteenth in one 400 wide.",
    ),
    wrong={
        "soft tissue for everything": Wrong(
            """
first_window = dict.fromkeys([
    "a hairline crack in a vertebra", "a nodule of 6 mm between the vessels of the lung",
    "fluid around the liver", "fresh blood (60 HU) beside brain (35 HU)"], "soft tissue")
""",
            "pure white",
        ),
        "soft tissue for blood in the brain": Wrong(
            """
first_window = {
    "a hairline crack in a vertebra": "bone",
    "a nodule of 6 mm between the vessels of the lung": "lung",
    "fluid around the liver": "soft tissue",
    "fresh blood (60 HU) beside brain (35 HU)": "soft tissue",
}
""",
            "25 HU",
        ),
        "bone for the lung": Wrong(
            """
first_window = {
    "a hairline crack in a vertebra": "bone",
    "a nodule of 6 mm between the vessels of the lung": "bone",
    "fluid around the liver": "soft tissue",
    "fresh blood (60 HU) beside brain (35 HU)": "brain",
}
""",
            "-800 HU",
        ),
        "one still open": Wrong(
            """
first_window = {
    "a hairline crack in a vertebra": "bone",
    "a nodule of 6 mm between the vessels of the lung": "lung",
    "fluid around the liver": None,
    "fresh blood (60 HU) beside brain (35 HU)": "brain",
}
""",
            "Still None",
        ),
        "a capital letter": Wrong(
            """
first_window = {
    "a hairline crack in a vertebra": "bone",
    "a nodule of 6 mm between the vessels of the lung": "lung",
    "fluid around the liver": "soft tissue",
    "fresh blood (60 HU) beside brain (35 HU)": "Brain",
}
""",
            "'Brain' for 'fresh blood",
        ),
        "brain for the fluid": Wrong(
            """
first_window = {
    "a hairline crack in a vertebra": "bone",
    "a nodule of 6 mm between the vessels of the lung": "lung",
    "fluid around the liver": "brain",
    "fresh blood (60 HU) beside brain (35 HU)": "brain",
}
""",
            "fat around it",
        ),
    },
)


@preset.visible
def every_question_has_a_preset(first_window):
    assert isinstance(first_window, dict) and len(first_window) == 4, "Keep the dict with its four questions as it was."
    empty = [question for question, choice in first_window.items() if choice is None]
    assert not empty, f"Still None: {'; '.join(empty)}."
    names = ("lung", "soft tissue", "bone", "brain")
    for question, choice in first_window.items():
        assert choice in names, f"{choice!r} for {question!r} is no preset; write it as one of {', '.join(names)}."


@preset.hidden
def both_things_must_be_inside(first_window):
    """Each choice is compared with the values that the question is about."""
    choices = list(first_window.values())
    assert choices[0] == "bone", "Hard bone lies far above 240 HU: in the other windows it is pure white, crack or not."
    message = (
        "Lung lies near -800 HU and is pure black in the other windows: fine vessels and the nodule's rim are gone."
    )
    assert choices[1] == "lung", message
    assert choices[2] == "soft tissue", "Fluid is near 0 HU and the fat around it near -90: both must be inside."
    assert choices[3] == "brain", "Blood and brain differ by 25 HU: only in a narrow window is that clearly seen."


step = Exercise(
    id="data.step",
    points=2,
    prompt="""
Write `slice_step(positions, orientation)`: the distance in millimetres from one slice to the next. `positions` is an
array `(slices, 3)` with the ImagePositionPatient of each file, *in any order*; `orientation` holds the six numbers of
ImageOrientationPatient: the direction of a row, then that of a column. Slices may be tilted. Where the gaps differ
(one slice was lost), give the usual gap: the median.
""",
    starter='''
import numpy as np


def slice_step(positions, orientation):
    """Millimetres from slice to slice along their normal."""
    ...
''',
    solution='''
import numpy as np


def slice_step(positions, orientation):
    """Millimetres from slice to slice along their normal."""
    row, column = np.asarray(orientation, float).reshape(2, 3)
    along = np.asarray(positions, float) @ np.cross(row, column)
    return float(np.median(np.diff(np.sort(along))))
''',
    hints=(
        "The normal is the cross product of the two directions. A position times the normal (`@`) is how high it lies.",
        "Project, sort, take differences, take their median: `np.median(np.diff(np.sort(positions @ normal)))`.",
    ),
    wrong={
        "takes the last coordinate": Wrong(
            """
import numpy as np
def slice_step(positions, orientation):
    return float(np.median(np.diff(np.sort(np.asarray(positions, float)[:, 2]))))
""",
            "along the normal",
        ),
        "does not sort": Wrong(
            """
import numpy as np
def slice_step(positions, orientation):
    row, column = np.asarray(orientation, float).reshape(2, 3)
    return float(np.median(np.diff(np.asarray(positions, float) @ np.cross(row, column))))
""",
            "any order",
        ),
        "mean instead of median": Wrong(
            """
import numpy as np
def slice_step(positions, orientation):
    row, column = np.asarray(orientation, float).reshape(2, 3)
    return float(np.mean(np.diff(np.sort(np.asarray(positions, float) @ np.cross(row, column)))))
""",
            "median",
        ),
        "distance of the corners": Wrong(
            """
import numpy as np
def slice_step(positions, orientation):
    row, column = np.asarray(orientation, float).reshape(2, 3)
    positions = np.asarray(positions, float)
    order = np.argsort(positions @ np.cross(row, column))
    return float(np.median(np.linalg.norm(np.diff(positions[order], axis=0), axis=1)))
""",
            "not the distance of the corners",
        ),
        "takes the numbers in pairs": Wrong(
            """
import numpy as np
def slice_step(positions, orientation):
    row, column = np.asarray(orientation, float).reshape(3, 2).T
    return float(np.median(np.diff(np.sort(np.asarray(positions, float) @ np.cross(row, column)))))
""",
            "first three of the six numbers",
        ),
        "normal the other way round": Wrong(
            """
import numpy as np
def slice_step(positions, orientation):
    row, column = np.asarray(orientation, float).reshape(2, 3)
    order = np.argsort(np.asarray(positions, float) @ np.cross(row, column))
    return float(np.median(np.diff((np.asarray(positions, float) @ np.cross(column, row))[order])))
""",
            "positive",
        ),
    },
)

AXIAL = [1, 0, 0, 0, 1, 0]


def _tilted(degrees):
    """Orientation and normal of slices tilted about the patient's left-right axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return [1, 0, 0, 0, c, s], np.array([0, -s, c])


@step.visible
def straight_slices(slice_step):
    positions = np.array([[0, 0, 0], [0, 0, 5], [0, 0, 10.0]])
    value = slice_step(positions, AXIAL)
    assert value is None or float(value) >= 0, "A distance is positive."
    message = "Your normal is not upright: the first three of the six numbers are a row, the last three a column."
    assert value is None or float(value) > 0, message
    same(value, 5.0, "Straight slices at 0, 5 and 10 mm: the step is 5.")


@step.visible
def in_any_order(slice_step):
    positions = np.array([[0, 0, 6.5], [0, 0, 19.5], [0, 0, 0], [0, 0, 13.0]])
    same(slice_step(positions, AXIAL), 6.5, "The files come in any order: sort before you take differences.")


@step.hidden
def tilted_slices(slice_step):
    """Slices tilted by 11 and by 30 degrees."""
    for degrees in (11, 30):
        orientation, normal = _tilted(degrees)
        positions = np.array([-90.0, -70, 40]) + np.arange(5)[:, None] * 6.5 * normal
        message = f"Slices tilted by {degrees} degrees: measure along the normal, not along the last coordinate."
        same(slice_step(positions, orientation), 6.5, message)


@step.hidden
def shifted_corners(slice_step):
    """Slices whose first pixels do not lie above each other."""
    positions = np.arange(4)[:, None] * np.array([3.0, 0, 4])
    message = "Each slice is also moved sideways: count the part along the normal, not the distance of the corners."
    same(slice_step(positions, AXIAL), 4.0, message)


@step.hidden
def a_lost_slice(slice_step):
    """One of the slices is missing."""
    positions = np.array([[0, 0, z] for z in (0, 2.0, 4, 8, 10)])
    same(slice_step(positions, AXIAL), 2.0, "One slice is lost, and one gap is doubled: the median is the usual gap.")


@step.hidden
def sagittal_slices(slice_step):
    """Slices seen from the side, whose last coordinate is the same in all."""
    positions = np.array([[x, 0, 0] for x in (3.0, 0, 1.5)])
    same(slice_step(positions, [0, 1, 0, 0, 0, -1]), 1.5, "Slices from the side differ along the normal, in x.")


leaks = Exercise(
    id="data.leaks",
    points=3,
    prompt="""
A header as plain Python: a dict from keyword to value, where a *sequence* is a list of such dicts, in any depth. Write
`leaks(header, secrets)`: the sorted list of places in which one of the secrets (texts) can still be read, as part of a
longer text too, in large or small letters. A place is the keyword; inside a sequence the path with dots and the number
of the item, such as `"OtherPatientIDsSequence.0.PatientID"`. Values may also be numbers, or lists of texts and numbers:
the keyword alone is their place. A number matches by its digits.
""",
    starter='''
def leaks(header, secrets):
    """Sorted places of the header in which a secret can be read."""
    ...
''',
    solution='''
def leaks(header, secrets):
    """Sorted places of the header in which a secret can be read."""
    wanted = [str(secret).lower() for secret in secrets if str(secret)]
    places = set()

    def look(value, place):
        if isinstance(value, dict):
            for keyword, inner in value.items():
                look(inner, f"{place}.{keyword}" if place else keyword)
        elif isinstance(value, (list, tuple)):
            for number, inner in enumerate(value):
                look(inner, f"{place}.{number}" if isinstance(inner, dict) else place)
        elif any(secret in str(value).lower() for secret in wanted):
            places.add(place)

    look(header, "")
    return sorted(places)
''',
    hints=(
        "A function that calls itself: for a dict look into each value, for a list into each item, else compare.",
        "Compare with `secret.lower() in str(value).lower()`, and carry the path along as a second argument.",
    ),
    wrong={
        "looks at the top only": Wrong(
            """
def leaks(header, secrets):
    return sorted(k for k, v in header.items() if not (isinstance(v, list) and v and isinstance(v[0], dict))
                  and any(s.lower() in str(v).lower() for s in secrets))
""",
            "inside of sequences",
        ),
        "whole values only": Wrong(
            """
def leaks(header, secrets):
    low = [s.lower() for s in secrets]
    out = []
    def look(v, p):
        if isinstance(v, dict):
            for k, w in v.items(): look(w, f"{p}.{k}" if p else k)
        elif isinstance(v, list):
            for i, w in enumerate(v): look(w, f"{p}.{i}" if isinstance(w, dict) else p)
        elif str(v).lower() in low: out.append(p)
    look(header, "")
    return sorted(set(out))
""",
            "part of a longer text",
        ),
        "large letters only": Wrong(
            """
def leaks(header, secrets):
    out = []
    def look(v, p):
        if isinstance(v, dict):
            for k, w in v.items(): look(w, f"{p}.{k}" if p else k)
        elif isinstance(v, list):
            for i, w in enumerate(v): look(w, f"{p}.{i}" if isinstance(w, dict) else p)
        elif any(s in str(v) for s in secrets): out.append(p)
    look(header, "")
    return sorted(set(out))
""",
            "large or small",
        ),
        "skips numbers": Wrong(
            """
def leaks(header, secrets):
    out = []
    def look(v, p):
        if isinstance(v, dict):
            for k, w in v.items(): look(w, f"{p}.{k}" if p else k)
        elif isinstance(v, list):
            for i, w in enumerate(v): look(w, f"{p}.{i}" if isinstance(w, dict) else p)
        elif isinstance(v, str) and any(s.lower() in v.lower() for s in secrets): out.append(p)
    look(header, "")
    return sorted(set(out))
""",
            "a number",
        ),
        "not sorted": Wrong(
            """
def leaks(header, secrets):
    out = []
    def look(v, p):
        if isinstance(v, dict):
            for k, w in v.items(): look(w, f"{p}.{k}" if p else k)
        elif isinstance(v, list):
            for i, w in enumerate(v): look(w, f"{p}.{i}" if isinstance(w, dict) else p)
        elif any(s.lower() in str(v).lower() for s in secrets) and p not in out: out.append(p)
    look(header, "")
    return out
""",
            "sort them",
        ),
        "every list is a sequence": Wrong(
            """
def leaks(header, secrets):
    out = []
    def look(v, p):
        if isinstance(v, dict):
            for k, w in v.items(): look(w, f"{p}.{k}" if p else k)
        elif isinstance(v, list):
            for i, w in enumerate(v): look(w, f"{p}.{i}")
        elif any(s.lower() in str(v).lower() for s in secrets): out.append(p)
    look(header, "")
    return sorted(set(out))
""",
            "the keyword alone",
        ),
        "an empty sequence breaks it": Wrong(
            """
def leaks(header, secrets):
    out = []
    def look(v, p):
        if isinstance(v, dict):
            for k, w in v.items(): look(w, f"{p}.{k}" if p else k)
        elif isinstance(v, list) and isinstance(v[0], dict):
            for i, w in enumerate(v): look(w, f"{p}.{i}")
        elif any(s.lower() in str(v).lower() for s in secrets): out.append(p)
    look(header, "")
    return sorted(set(out))
""",
            "index out of range",
        ),
        "one level deep": Wrong(
            """
def leaks(header, secrets):
    out = []
    def hit(v): return any(s.lower() in str(v).lower() for s in secrets)
    for k, v in header.items():
        if isinstance(v, list) and v and isinstance(v[0], dict):
            for i, item in enumerate(v):
                out += [f"{k}.{i}.{a}" for a, b in item.items() if not isinstance(b, list) and hit(b)]
        elif hit(v): out.append(k)
    return sorted(out)
""",
            "in a sequence in a sequence",
        ),
    },
)


@leaks.visible
def at_the_top(leaks):
    header = {"PatientName": "Doe^Jane", "Modality": "CT", "ImageComments": "call Mrs DOE before"}
    message = "The name is in PatientName and, as part of a longer text in large letters, in ImageComments."
    found = leaks(header, ["Doe"])
    if found == ["PatientName"]:
        raise AssertionError("ImageComments has the name in other letters: compare in large or small letters alike.")
    if found == []:
        raise AssertionError("PatientName holds the secret as part of a longer text: 'Doe' is in 'Doe^Jane'.")
    if found == ["PatientName", "ImageComments"]:
        raise AssertionError("All places are found, in the order of the header: sort them by name.")
    _expect(found, ["ImageComments", "PatientName"], message)


@leaks.visible
def inside_of_a_sequence(leaks):
    header = {"PatientID": "7", "OtherPatientIDsSequence": [{"PatientID": "77"}, {"PatientID": "ABC123"}]}
    found = leaks(header, ["ABC123"])
    assert found != [], "Nothing found, but one secret stands inside of sequences: look into each of their items."
    _expect(found, ["OtherPatientIDsSequence.1.PatientID"], "The place of an item is SEQUENCE.number.KEYWORD, from 0.")


@leaks.hidden
def nothing_left(leaks):
    """A clean header, and no secrets at all."""
    _expect(
        leaks({"Modality": "MR", "Rows": 320}, ["Doe", "ABC123"]), [], "A clean header has no leaks: an empty list."
    )
    _expect(leaks({"Modality": "MR"}, []), [], "Without secrets there is nothing to find: an empty list.")


@leaks.hidden
def deeper(leaks):
    """A sequence in a sequence."""
    header = {"A": [{"B": [{"C": "x"}, {"D": "scanned at JFK imaging"}]}]}
    message = "A secret in a sequence in a sequence was not found, or its path is wrong."
    _expect(leaks(header, ["jfk"]), ["A.0.B.1.D"], message)


@leaks.hidden
def an_empty_sequence_and_a_list_of_texts(leaks):
    """A sequence without items, and a list in which one text holds a secret as part of it."""
    header = {"OtherPatientIDsSequence": [], "ImageType": ["ORIGINAL", "copy of Doe's scan"], "Rows": 128}
    message = "One text of a list holds a secret: its place is the keyword alone, without a number."
    _expect(leaks(header, ["Doe"]), ["ImageType"], message)


@leaks.hidden
def numbers_and_lists(leaks):
    """Numbers, and lists of texts."""
    header = {"IssueDate": 20040119, "ImageType": ["ORIGINAL", "ward 20040119", "20040119"], "Rows": 128}
    message = "A secret can be in a number (it matches by its digits) or in a list of texts; each place is named once."
    _expect(leaks(header, ["20040119"]), ["ImageType", "IssueDate"], message)


def _expect(found, expected, message):
    assert not isinstance(found, list) or found == expected, message
    same(found, expected, message)


unit = Quiz(
    id="data.unit",
    question="In which of these is 60 on a scale that every hospital shares?",
    choices=(
        Choice("An MRI volume", "MRI values depend on coil, sequence and scanner; they have no unit."),
        Choice("A CT in Hounsfield units", "Yes: water and air fix it. Tissues still move by some HU.", right=True),
        Choice("An ultrasound image", "Echoes are turned into greys by settings that the operator turns."),
        Choice(
            "A CT saved as PNG",
            "No longer: the 60 went through a window that the file does not name, and may be anything.",
        ),
    ),
)

thickness = Quiz(
    id="data.thickness",
    question="SliceThickness is 5 mm, the slices lie 6.5 mm apart. Pixels are 1 x 1 mm. A mask of 1000 voxels covers:",
    choices=(
        Choice("1000 mm3", "That is the number of voxels."),
        Choice("5000 mm3", "This leaves out what lies in the gaps between the slices."),
        Choice("6500 mm3", "Yes: each voxel stands for everything up to the next slice.", right=True),
        Choice("It cannot be known.", "It can: positions and orientation of the slices tell the distance."),
    ),
)

small = Quiz(
    id="data.small",
    question="A network reaches a high AUC for 'lung nodule' on CT slices shrunk to 28 x 28 by nearest. Most nodules "
    "are 5 mm. What could explain it? Choose all that could.",
    choices=(
        Choice("It sees the nodules.", "Most of them are not in the small image at all: nearest skipped them."),
        Choice(
            "Patients with nodules are older or ill, and that shows in the whole image.",
            "Yes: large features can go together with the label.",
            right=True,
        ),
        Choice(
            "Images with nodules come from another machine.",
            "Yes: a shortcut that survives any shrinking.",
            right=True,
        ),
        Choice("Shrinking removes noise.", "Nearest removes no noise: it keeps single pixels as they are."),
    ),
)

identity = Quiz(
    id="data.identity",
    question="You removed names, ids, dates and private elements, and your search for the secrets finds nothing. May "
    "the files be published?",
    choices=(
        Choice(
            "Yes, the test has passed.", "The test finds what it searches for. It cannot see pixels, or coded values."
        ),
        Choice(
            "Not yet: look for text in the pixels and for faces, and follow a stated profile.",
            "Yes. And ask whether the patients and the law allow it.",
            right=True,
        ),
        Choice("Yes, if they are saved as PNG.", "The text in the pixels is in the PNG as well."),
        Choice("No, never.", "Data sets are published in this way; it needs care, a profile, and permission."),
    ),
)
