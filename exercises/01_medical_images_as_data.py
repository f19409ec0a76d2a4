"""Exercises of lesson 1, Medical images as data."""

import numpy as np

from medtutor.checks import Choice, Exercise, Quiz, Wrong, same

prefix = "data"

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
        "`stored.astype(np.float32)` before anything else; then times slope, plus intercept.",
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
    message = "With slope 2 and intercept -1000: first times the slope, then plus the file's intercept: 100 becomes "
    "-800."
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
    same(
        to_hu(np.array([0, 100, 4095], np.uint16), 1, -1024),
        np.array([-1024, -924, 3071], np.float32),
        "For uint16 your result wraps around: it never goes below 0. Make it float32 before you calculate.",
    )


@hounsfield.hidden
def the_type_is_float32_and_the_input_stays(to_hu):
    """A slope of a half; the stored array is looked at again afterwards."""
    stored = np.array([1, 3], np.uint8)
    result = to_hu(stored, 0.5, -1)
    same(result, np.array([-0.5, 0.5], np.float32), "With slope 0.5 there are halves: the result should be float32.")
    assert getattr(result, "dtype", None) == np.float32, "The result should be an array of float32."
    assert stored.tolist() == [1, 3], "Your function changes the array that it is given."


window = Exercise(
    id="data.window",
    points=2,
    prompt="""
A viewer wants 8-bit greys. Write `to_grey(hu, center, width)`: HU to `uint8`, where everything at or below
`center - width / 2` is 0, everything at or above `center + width / 2` is 255, and between them the grey grows evenly,
*rounded* to the nearest whole number.
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
        "Clip *before* you turn it into uint8, or 256 becomes 0. Round with `np.round`, because `astype` cuts off.",
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
    assert getattr(result, "dtype", None) == np.uint8, "The result should be an array of uint8, from 0 to 255."
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
            "still None",
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
    assert not empty, f"{len(empty)} of the questions are still None; the first is {empty[0]!r}."
    names = ("lung", "soft tissue", "bone", "brain")
    assert all(choice in names for choice in first_window.values()), f"Answer with one of {', '.join(names)}."


@preset.hidden
def both_things_must_be_inside(first_window):
    """Each choice is compared with the values that the question is about."""
    choices = list(first_window.values())
    assert choices[0] == "bone", "Hard bone lies far above 240 HU: in the other windows it is pure white, crack or not."
    assert choices[1] == "lung", "Lung lies near -800 HU, and in the other windows it is pure black."
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
    assert value is None or float(value) > 0, "A distance is positive."
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


volume = Exercise(
    id="data.volume",
    points=2,
    prompt="""
Write `volume_mm3(mask, affine, label)`: the volume in cubic millimetres of the voxels whose value is `label`. `affine`
is 4 x 4, from voxel indices to millimetres. Its axes may be turned, swapped or mirrored.
""",
    starter='''
import numpy as np


def volume_mm3(mask, affine, label):
    """Volume of one label in cubic millimetres."""
    ...
''',
    solution='''
import numpy as np


def volume_mm3(mask, affine, label):
    """Volume of one label in cubic millimetres."""
    one_voxel = abs(np.linalg.det(np.asarray(affine, float)[:3, :3]))
    return float((np.asarray(mask) == label).sum() * one_voxel)
''',
    hints=(
        "How many voxels have the label, and how large is one voxel? The affine's 3 x 3 part knows the second.",
        "The determinant of `affine[:3, :3]` is the volume of a voxel; it is negative where the axes are mirrored.",
    ),
    wrong={
        "counts voxels": Wrong(
            """
import numpy as np
def volume_mm3(mask, affine, label):
    return float((np.asarray(mask) == label).sum())
""",
            "number of voxels",
        ),
        "product of the diagonal": Wrong(
            """
import numpy as np
def volume_mm3(mask, affine, label):
    return float((np.asarray(mask) == label).sum() * abs(np.prod(np.diag(np.asarray(affine, float))[:3])))
""",
            "diagonal",
        ),
        "can be negative": Wrong(
            """
import numpy as np
def volume_mm3(mask, affine, label):
    return float((np.asarray(mask) == label).sum() * np.linalg.det(np.asarray(affine, float)[:3, :3]))
""",
            "negative",
        ),
        "all labels": Wrong(
            """
import numpy as np
def volume_mm3(mask, affine, label):
    return float((np.asarray(mask) > 0).sum() * abs(np.linalg.det(np.asarray(affine, float)[:3, :3])))
""",
            "this label",
        ),
        "adds up the labels": Wrong(
            """
import numpy as np
def volume_mm3(mask, affine, label):
    mask = np.asarray(mask)
    return float(mask[mask == label].sum() * abs(np.linalg.det(np.asarray(affine, float)[:3, :3])))
""",
            "count the voxels",
        ),
    },
)


@volume.visible
def voxels_of_six_and_a_half(volume_mm3):
    mask = np.zeros((4, 4, 4), np.uint8)
    mask[:2, 0, 0] = 1
    message = "Two voxels of 1 x 2 x 6.5 mm are 26 mm3, not the number of voxels."
    same(volume_mm3(mask, np.diag([1, 2, 6.5, 1]), 1), 26.0, message)


@volume.visible
def only_this_label(volume_mm3):
    mask = np.array([[[1, 2, 2, 0]]])
    same(
        volume_mm3(mask, np.eye(4), 2),
        2.0,
        "Only this label counts: two voxels are 2; count the voxels, do not add up.",
    )


@volume.hidden
def mirrored_axes(volume_mm3):
    """An affine of an LPS volume with one more mirrored axis."""
    message = "With a mirrored axis your volume is negative; take the absolute value."
    same(volume_mm3(np.ones((2, 2, 2), np.uint8), np.diag([-1, 1, 3.0, 1]), 1), 24.0, message)


@volume.hidden
def turned_axes(volume_mm3):
    """Axes that are swapped, and axes that are tilted."""
    swapped = np.array([[0, 0, 2.0, 5], [1.5, 0, 0, 5], [0, 1, 0, 5], [0, 0, 0, 1]])
    message = "Where axes are swapped or tilted the spacing is not on the diagonal; use the determinant."
    same(volume_mm3(np.ones((1, 2, 2)), swapped, 1), 12.0, message)
    c, s = np.cos(0.3), np.sin(0.3)
    tilted = np.diag([0.7, 0.7, 6.5, 1.0])
    tilted[:3, :3] = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ tilted[:3, :3]
    same(volume_mm3(np.ones((3, 1, 1), bool), tilted, True), 3 * 0.7 * 0.7 * 6.5, message)


@volume.hidden
def an_empty_mask(volume_mm3):
    """A label that does not occur."""
    same(volume_mm3(np.zeros((2, 2, 2), np.uint8), np.eye(4), 2), 0.0, "A label that does not occur has the volume 0.")


leaks = Exercise(
    id="data.leaks",
    points=3,
    prompt="""
A header as plain Python: a dict from keyword to value, where a *sequence* is a list of such dicts, in any depth. Write
`leaks(header, secrets)`: the sorted list of places in which one of the secrets (texts) can still be read, as part of a
longer text too, in large or small letters. A place is the keyword; inside a sequence the path with dots and the number
of the item, such as `"OtherPatientIDsSequence.0.PatientID"`. Values may also be numbers, or lists of texts and numbers:
the keyword alone is their place.
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
def numbers_and_lists(leaks):
    """Numbers, and lists of texts."""
    header = {"IssueDate": 20040119, "ImageType": ["ORIGINAL", "ward 20040119", "20040119"], "Rows": 128}
    message = "A secret can be in a number or in a list of texts; each place is named once."
    _expect(leaks(header, ["20040119"]), ["ImageType", "IssueDate"], message)


def _expect(found, expected, message):
    assert not isinstance(found, list) or found == expected, message
    same(found, expected, message)


unit = Quiz(
    id="data.unit",
    question="In which of these does a voxel value of 60 mean the same in every hospital?",
    choices=(
        Choice("An MRI volume", "MRI values depend on coil, sequence and scanner; they have no unit."),
        Choice("A CT in Hounsfield units", "Yes: the scale is fixed by water and air.", right=True),
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
    question="A network reaches a high AUC for 'lung nodule' on X-rays shrunk to 28 x 28 by nearest. Most nodules are "
    "5 mm. What could explain it? Choose all that could.",
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
