# /// lesson
# number = 1
# title = "Medical images as data"
# goals = [
#     "say what a pixel value means in X-ray, CT, MRI, ultrasound and microscopy, and when it has no unit",
#     "read a NIfTI header and DICOM elements byte by byte, and check yourself against nibabel and pydicom",
#     "turn stored numbers into Hounsfield units and choose a window, knowing what it throws away",
#     "go from a voxel to millimetres and from a mask to a volume, and tell left from right",
#     "measure what shrinking to 28 x 28 pixels destroys",
#     "find what identifies a patient in headers and pixels, and test that it is gone",
# ]
# minutes = 60
# optional_minutes = 35
# data = ["msd_hippocampus", "brain_mri_study", "bccd", "pneumoniamnist"]
# needs = ["Python functions and NumPy arrays"]
#
# [budget.smoke]
# seeds = [0]
# volumes = 40
# positions = 60
#
# [budget.laptop]
# seeds = [0]
# volumes = 200
# positions = 400
#
# [budget.gpu]
# seeds = [0]
# volumes = 260
# positions = 400
#
# [bounds.smoke.real]
# facts_agree = 1.0
# secrets_removed = 1.0
# lung_lost_in_soft_window = 0.95
# contrast_lost_5mm = 0.7
# missed_by_nearest_5mm = 0.4
# largest_over_smallest_mri = 100
#
# [bounds.smoke.sample]
# facts_agree = 1.0
# secrets_removed = 1.0
# contrast_lost_5mm = 0.7
# missed_by_nearest_5mm = 0.3
#
# [bounds.laptop.real]
# facts_agree = 1.0
# secrets_removed = 1.0
# lung_lost_in_soft_window = 0.95
# contrast_lost_5mm = 0.7
# missed_by_nearest_5mm = 0.55
# largest_over_smallest_mri = 1000
#
# [bounds.laptop.sample]
# facts_agree = 1.0
# secrets_removed = 1.0
# contrast_lost_5mm = 0.7
# missed_by_nearest_5mm = 0.4
# ///

# %% [markdown]
# ## 1. The case
#
# A patient with a brain tumour has an MRI every three months. In spring one program measures the tumour and reports 10
# cubic centimetres. In summer the clinic has changed to another program, which reports 13. A growth of 30 % in volume
# is below the usual limit for progression (25 % in the product of two diameters, which is about 40 % in volume;
# Ellingson et al. 2017), but it worries everyone and brings the next scan forward. And nothing has grown: one program
# took the *thickness* of the slices for the *distance* between them. The images were the same kind of images; the
# meaning of a number in the header was lost on the way.
#
# In this course we hand images to networks, and a network does not ask what a number means. It will learn from files
# that are mirrored, squashed, in the wrong unit, or that have the name of the hospital written in a corner. So before
# the first network we learn to read the files ourselves. At the end of this lesson you can explain the 30 %. Parts
# marked *optional* can be read another day: run their cells and go on.

# %%
import numpy as np

from medtutor import figures, load, record
from medtutor.data import find, load_boxes, load_volumes

study = load_volumes("brain_mri_study")
flair = next((case for case in study if "FLAIR" in case.id), study[0])
print(flair.image.array.shape, "voxels,", np.round(flair.image.spacing, 2), "mm from one to the next")

# %% [markdown]
# A *study* is one visit to the scanner; a *series* is one stack of slices that were taken with the same settings. This
# series is a *FLAIR*, a kind of MRI in which plain fluid is dark and many diseases are bright. Each number is a
# *voxel*, a pixel with a thickness. Of about a hundred header fields we have printed two: how many voxels, and how far
# apart they lie. We take the others one by one.

# %%
low_slices = flair.image.array[:, :, 1:4]  # (columns, rows, slices)
figures.images(
    [low_slices[:, :, k].T for k in range(low_slices.shape[2])],
    window=(0, np.percentile(low_slices, 99.5)),
    columns=3,
    title="A lesion shows as a bright patch on one side. Which side of the patient?",
    alt="Three neighbouring slices of one head in MRI. In the left half of the pictures, behind the middle, there is a "
    "bright patch in the brain that has no counterpart in the right half.",
    source=flair.source,
)

# %% [markdown]
# Keep the question in mind. We answer it in section 6, and not by guessing.

# %% [markdown]
# ## 2. What a pixel value means
#
# Every medical image is a measurement. What was measured decides what you may do with the numbers.
#
# | modality | what is sent, what is measured | what a value means | unit |
# | --- | --- | --- | --- |
# | X-ray | X-rays through the body; what arrives | absorption *along the whole line* | none in a picture |
# | CT | X-rays from all sides; computed for every voxel | absorption *at this place*, against water | Hounsfield (HU) |
# | MRI | radio pulses in a magnet; the echo of hydrogen | depends on tissue *and* on the scanner's settings | none |
# | ultrasound | sound pulses; echo and delay | how strongly a border reflects, after a logarithm | none |
# | microscopy | light through a stained slice | how much light of each colour gets through | none, 0 to 255 |
#
# Of these five only CT has a unit. Its two anchors, water and air, hold on every calibrated scanner; tissues move by
# some HU with the voltage of the tube, with contrast agent and with the maker (the same 48 patients on scanners of two
# makers: every soft tissue differed; Lamba et al. 2014). For all others, a value of 120 says nothing by itself.
#
# Let us look at one of each. CT and ultrasound come with the package pydicom, which ships a few real images. Their
# names were replaced, but not everything else was, as section 9 shows.

# %%
import pydicom
from pydicom.pixels import apply_rescale

xray = load("pneumoniamnist", split="val")
ct, ultrasound = pydicom.examples.ct, pydicom.examples.rgb_color
smear = load_boxes("bccd", limit=1)[0]
hu = apply_rescale(ct.pixel_array, ct)  # (rows, columns), Hounsfield units

# %%
margin = (low_slices.shape[1] - low_slices.shape[0]) // 2  # of rows, to show a square
head_square = low_slices[:, margin : low_slices.shape[1] - margin, 1].T
grey = {  # each as numbers from 0 to 1
    "X-ray, chest, 28 px": xray.images[0, 0].numpy() / 255,
    "CT, spine and lungs": np.clip((hu + 1000) / 2000, 0, 1),
    "MRI, head (FLAIR)": np.clip(head_square / np.percentile(low_slices, 99.5), 0, 1),
    "ultrasound, lymph node": np.moveaxis(ultrasound.pixel_array, -1, 0) / 255,
    "microscopy, blood smear": smear.image / 255,
}
sources = {flair.source, xray.source, smear.source}
figures.images(
    list(grey.values()),
    titles=list(grey),
    columns=3,
    title="Five modalities, five kinds of numbers",
    alt="Five images: a chest X-ray of 28 by 28 pixels; a CT slice with a vertebra, the great artery and parts of both "
    "lungs; an MRI slice of a head; an ultrasound image of a lymph node with coloured blood flow and much writing in the "
    "picture; a blood smear with many pink cells.",
    source="sample" if "sample" in sources else None,
)

# %% [markdown]
# Look at the ultrasound for a moment longer. There is writing *in* the picture. We come back to it in section 9.
#
# The CT shows a small square around a vertebra of the chest: the dark corners above are lung, the grey disc beside the
# bone is the aorta, the main artery. In an X-ray you would see all of this laid on top of each other.

# %% [markdown]
# ## 3. A file is bytes: NIfTI by hand
#
# *NIfTI* is the format of most research data in 3D. A file has a header of 348 bytes in which every field has a fixed
# place, four bytes that announce *extensions*, the extensions if there are any, and then the voxels, at byte 352 or
# later. (NIfTI-2 is the same idea with a header of 540 bytes.) So we need no library to read it, only the table of
# places, and `struct`, Python's module that turns bytes into numbers.
#
# Our volume is one *hippocampus*, a part of the brain that memory needs, with some brain around it.

# %%
import gzip
import tempfile
from pathlib import Path

import nibabel

volumes = load_volumes("msd_hippocampus", limit=budget.volumes)
case = volumes[0]
if case.source == "sample":  # the sample is no file, so write one
    path = Path(tempfile.mkdtemp()) / f"{case.id}.nii.gz"
    nibabel.save(nibabel.Nifti1Image(case.image.array, case.image.affine), path)
else:
    path = next(find("msd_hippocampus", "data").path.rglob(f"imagesTr/{case.id}.nii.gz"))
nifti = gzip.open(path).read()
print(f"{path.name}: {len(nifti):,} bytes, the first four are {list(nifti[:4])}")

# %% [markdown]
# The first four bytes are a whole number of 32 bits, and it must be 348. Which number they make depends on whether the
# small end comes first (*little endian*, `<`) or last (`>`). So this field has two jobs: it says that this is NIfTI,
# and in which order all other numbers are written.

# %%
import struct

endian = "<" if struct.unpack_from("<i", nifti, 0)[0] == 348 else ">"
struct.unpack_from(endian + "i", nifti, 0)

# %% [markdown]
# Now the fields that we need, each with its place in bytes and its type: `h` is a whole number of 16 bits, `f` a
# floating-point number of 32 bits, and a digit says how many of them.

# %%
FIELDS = {
    "dim": (40, "8h"),  # number of axes, then the length of each
    "datatype": (70, "h"),  # a code: 2 is uint8, 4 is int16, 16 is float32
    "pixdim": (76, "8f"),  # spacing of each axis, from the second number on
    "vox_offset": (108, "f"),  # where the voxels begin
    "scl_slope": (112, "f"),  # value = stored x slope + inter
    "scl_inter": (116, "f"),
    "sform_code": (254, "h"),  # above 0: the three rows below are valid
    "srow_x": (280, "4f"),
    "srow_y": (296, "4f"),
    "srow_z": (312, "4f"),
    "magic": (344, "4s"),  # "n+1": header and voxels in one file
}
header = {name: struct.unpack_from(endian + kind, nifti, at) for name, (at, kind) in FIELDS.items()}
header["dim"], header["pixdim"], header["magic"]

# %% [markdown]
# Three axes, their lengths, 1 mm between voxels, and the right word at the end. The three `srow` rows are the *affine*:
# they take the indices of a voxel to millimetres in the patient, and they count where `sform_code` is above 0. It has
# its own section below.
#
# Did we read it right? The library is the judge. We keep a list of all facts that should agree, until the end of the
# lesson.

# %%
facts = {}


def agree(fact, ours, theirs):
    """Note in `facts` whether two results are equal (numbers: to rounding), and print it."""
    same = ours == theirs if isinstance(ours, str | bytes) else np.allclose(ours, theirs, atol=1e-4, equal_nan=True)
    facts[fact] = bool(same)
    print(f"{fact:<34}{'agrees' if same else 'DIFFERS'}")


library = nibabel.Nifti1Header(nifti[:348], endianness=endian)
for name in FIELDS:
    theirs = library[name].tolist()
    agree(f"NIfTI {name}", *((header[name][0].rstrip(b"\0"), theirs) if name == "magic" else (header[name], theirs)))

# %% [markdown]
# The voxels follow at `vox_offset`. The first axis runs fastest in the file, which NumPy calls order `"F"` (as in
# Fortran). Whoever forgets it gets a volume of the right shape, full of stripes. If `scl_slope` is not 0, the value is
# stored x scl_slope + scl_inter, as we shall see in DICOM. Some programs write "not a number" there, which also means:
# no scaling.

# %%
dtype = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 512: "u2"}[header["datatype"][0]]
shape = header["dim"][1 : 1 + header["dim"][0]]
voxels = np.frombuffer(nifti, endian + dtype, count=np.prod(shape), offset=int(header["vox_offset"][0]))
voxels = voxels.reshape(shape, order="F")
(scale,), (shift,) = header["scl_slope"], header["scl_inter"]
if np.isfinite(scale) and scale != 0:
    voxels = voxels * scale + shift
agree("NIfTI voxels", voxels, nibabel.load(path).get_fdata())

# %% [markdown]
# Here are the voxels, with an outline that was drawn by hand. Leaf through them from back to front. The hippocampus has
# two labels here, anterior (front) and posterior (back). Is there a slice that has both?

# %%
from medtutor.widgets import SliceViewer

names = {1: "anterior", 2: "posterior"}
alt = "Slices through one hippocampus in MRI, seen from the front, with the anterior and posterior part outlined."
SliceViewer(case, plane="coronal", mask_names=names, alt=alt)


# %%
def slices_with_both(mask):
    """Slices, from back to front, in which both labels occur."""
    labels = mask.to_ras().array  # (right, anterior, superior)
    return [k for k in range(labels.shape[1]) if {1, 2} <= set(np.unique(labels[:, k]).tolist())]


shared = np.array([len(slices_with_both(one.mask)) for one in volumes])
print(f"here: {shared[0]}; none in {np.mean(shared == 0):.0%} of {len(shared)} volumes, at most {shared.max()}")

# %% [markdown]
# In most real volumes no slice has both, and in none are there more than two: the border between the two parts is one
# flat cut from left to right.
# Brains do not end in planes. It is a rule that the people who drew agreed on, and such rules are worth knowing before
# a network is blamed for missing them, or praised for finding them.
#
# > **Caution.** NIfTI has no field for the modality or for the unit of the *values*. That the values of a CT in NIfTI
# > are Hounsfield units is hearsay until you have checked it: air should be near -1000. It does have free text
# > (`descrip`, 80 letters, and three shorter ones), and extensions of which one kind is made for DICOM elements. Names
# > and whole DICOM headers fit in there: look before you publish.

# %%
# exercise: data.bytes

# %% [markdown]
# ## 4. DICOM by hand
#
# *DICOM* is what scanners send and hospitals keep: one file for each slice (newer multi-frame files hold many), and in
# each file a long list of *elements*. An element is a tag (two numbers, group and element), a type of two letters (VR,
# *value representation*), a length, and that many bytes of value. The file begins with a *preamble*, 128 bytes that
# readers skip, then the letters `DICM`.

# %%
dicom = pydicom.examples.get_path("ct").read_bytes()
print("after the preamble:", dicom[128:132])
group, element, vr, length = struct.unpack_from("<HH2sH", dicom, 132)
print(f"first element ({group:04X},{element:04X}), type {vr.decode()}, {length} bytes")

# %% [markdown]
# So each element tells how long it is, and we can hop from one to the next without knowing what they mean. One wrinkle:
# a length of 16 bits ends at 65 535, too small for pixels. Some types therefore leave two bytes empty and write their
# length in 32 bits.

# %%
LONG = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}


def elements(data, at=132):
    """Yield (tag, type, value as bytes) of each element; every element must state its type and its length."""
    while at < len(data):
        group, element, vr, short = struct.unpack_from("<HH2sH", data, at)
        long = vr in LONG
        length = struct.unpack_from("<I", data, at + 8)[0] if long else short
        start = at + (12 if long else 8)
        yield (group, element), vr.decode(), data[start : start + length]
        at = start + length


by_hand = {tag: value for tag, vr, value in elements(dicom)}
print(f"{len(by_hand)} elements; pydicom finds {len(ct) + len(ct.file_meta)}")
agree("DICOM number of elements", len(by_hand), len(ct) + len(ct.file_meta))

# %% [markdown]
# That is a DICOM reader of a dozen lines, for a very common way of writing (*transfer syntax*): *explicit VR little
# endian*, in which each element states its type and the small end comes first. The first few elements, group 0002, are
# about the file itself; pydicom keeps them apart, as `file_meta`. Real files also come with types left out, compressed
# pixels, and sequences without a length; for those we call pydicom.
#
# ### Optional: do the values agree?
#
# Let us compare a handful of values. Values have an even length: text is padded with a blank, ids (type `UI`) with a
# byte of zero.

# %%
WANTED = {
    "Modality": (0x0008, 0x0060),
    "Manufacturer": (0x0008, 0x0070),
    "PixelSpacing": (0x0028, 0x0030),
    "RescaleIntercept": (0x0028, 0x1052),
    "RescaleSlope": (0x0028, 0x1053),
}
for keyword, tag in WANTED.items():
    text = by_hand[tag].decode("ascii").strip()
    if ct[keyword].VR == "DS":  # decimal numbers, written as text
        agree(f"DICOM {keyword}", np.array(text.split("\\"), float), np.atleast_1d(ct[keyword].value).astype(float))
    else:
        agree(f"DICOM {keyword}", text, ct[keyword].value)
rows, columns = (struct.unpack("<H", by_hand[0x0028, e])[0] for e in (0x0010, 0x0011))
agree("DICOM rows and columns", (rows, columns), (ct.Rows, ct.Columns))

# %% [markdown]
# Numbers such as the spacing are kept as *text*, with a backslash between several. The pixels are whole numbers of 16
# bits, in rows this time.

# %%
stored = np.frombuffer(by_hand[0x7FE0, 0x0010], "<i2").reshape(rows, columns)
agree("DICOM pixels", stored, ct.pixel_array)
print("stored values from", stored.min(), "to", stored.max())

# %% [markdown]
# ## 5. Slope, intercept and Hounsfield units
#
# The stored numbers are not yet the measurement. Two elements say how to get there: value = stored x slope + intercept.
# For CT the result is in *Hounsfield units*. With $\mu$ the absorption of X-rays at one place,
#
# $$\text{HU} = 1000 \cdot \frac{\mu - \mu_\text{water}}{\mu_\text{water} - \mu_\text{air}}$$
#
# Put in water, and you get 0. Put in air, and you get -1000. These two points hold on every calibrated scanner. A
# thousandth of the way from air to water is one unit. (ICRP Publication 129, 2015, divides by $\mu_\text{water}$ alone;
# as
# $\mu_\text{air}$ is nearly 0, it is practically the same.)

# %%
slope, intercept = (float(by_hand[WANTED[name]]) for name in ("RescaleSlope", "RescaleIntercept"))
hu_by_hand = stored.astype(np.float32) * slope + intercept
agree("Hounsfield units", hu_by_hand, apply_rescale(ct.pixel_array, ct))
print(f"slope {slope:g}, intercept {intercept:g}: from {hu_by_hand.min():.0f} to {hu_by_hand.max():.0f} HU")

# %% [markdown]
# > **Caution.** `astype` comes *before* the arithmetic. Many CT files store whole numbers without a sign. There,
# > `stored - 1024` makes 64 612 of 100, not -924, and without a warning; `stored + (-1024)` stops with an
# > `OverflowError` in NumPy 2, which is at least honest. The exercise below has such a file.
#
# **Predict first**: which of these has a value below water, and which above: lung, fat, muscle, bone? Write the four in
# order, then measure them in small boxes of the slice.

# %%
guess_order = None  # such as ("bone", "fat", "lung", "muscle"), lowest first

# %%
places = {  # (rows, columns)
    "lung": (slice(5, 30), slice(5, 30)),
    "fat": (slice(120, 127), slice(55, 68)),
    "muscle": (slice(88, 102), slice(16, 36)),
    "bone": (slice(60, 66), slice(40, 48)),
}
boxes = np.zeros(hu.shape, int)
for label, box in enumerate(places.values(), start=1):
    boxes[box] = label
tissue = {name: float(np.median(hu[box])) for name, box in places.items()}
for name, value in tissue.items():
    print(f"{name:<8}{value:>6.0f} HU")

# %%
figures.images(
    [hu],
    window=(-1000, 1000),
    masks=[boxes],
    mask_names=list(places),
    title=", ".join(f"{name} {value:.0f}" for name, value in tissue.items()) + " HU",
    alt="The CT slice with four small boxes: one in the dark lung at top left, one in the fat under the skin at the "
    "bottom, one in the muscle beside the spine, one in the bright bone of the vertebral arch.",
)

# %% [markdown]
# The order follows from the physics. Lung is mostly air: at -800 one fifth of the way from air to water is done. Fat is
# a little lighter than water, muscle a little heavier, bone holds calcium, which absorbs X-rays strongly. Because water
# and air pin the scale down, a network for CT may be given HU as they are. A value near -100 means fat in every
# hospital, give or take some HU.

# %%
facts["lung < fat < water < muscle < bone"] = tissue["lung"] < tissue["fat"] < 0 < tissue["muscle"] < tissue["bone"]
print("your guess:", guess_order, "| measured:", sorted(tissue, key=tissue.get))

# %%
# exercise: data.hounsfield

# %% [markdown]
# ### Windowing
#
# CT values go from -1000 to several thousand, and an ordinary screen shows 256 greys. So one shows a part of the scale,
# a *window*: all below it is black, all above it white. It is named by its centre (level) and its width. Our form is
# the one that DICOM calls LINEAR_EXACT; its default, LINEAR, takes half a unit off the centre and one off the width.


# %%
def window(hu, center, width):
    """HU to greys from 0 (black) to 1 (white)."""
    low = center - width / 2
    return np.clip((hu - low) / width, 0, 1)


presets = {"lung": (-600, 1500), "soft tissue": (40, 400), "bone": (400, 1800), "brain": (40, 80)}

# %%
figures.images(
    [window(hu, *preset) for preset in presets.values()],
    titles=[f"{name}: {center} +- {width // 2}" for name, (center, width) in presets.items()],
    columns=4,
    title="One slice, four windows (centre +- half width, in HU): each hides what another shows",
    alt="The same CT slice four times. Lung window: vessels inside the lung show, soft tissue is light grey and bone "
    "white. Soft tissue window: muscle, fat and spinal canal differ, the lung is black. Bone window: the inner structure "
    "of the vertebra shows. Brain window: almost everything is black or white, with noisy stripes in the muscle.",
)

# %% [markdown]
# The presets differ a little from house to house. What does a window throw away? Everything outside of it, for good, if
# the picture is saved as it looks. We count the pixels that end as pure black or pure white, and the distinct values
# that are left after rounding to 256 greys.

# %%
for name, preset in presets.items():
    shown = window(hu, *preset)
    greys = np.round(shown * 255).astype(np.uint8)
    print(
        f"{name:<12} black {np.mean(shown == 0):>4.0%}  white {np.mean(shown == 1):>4.0%}  "
        f"{len(np.unique(hu)):>5} values become {len(np.unique(greys)):>3}"
    )

# %%
lung_values = window(hu, *presets["soft tissue"])[places["lung"]]
record("lung_lost_in_soft_window", np.mean(lung_values == 0))

# %% [markdown]
# Is there *one* window that shows the vessels in the lung *and* tells fat from muscle? Move level and width, and watch
# the histogram below the line from HU to grey.

# %%
from medtutor.widgets import WindowingPlayground

WindowingPlayground(hu, alt="A CT slice with a vertebra, muscle, fat and parts of both lungs.")

# %%
wide = 1500  # from the lung's -900 to bone at 600
print(
    f"fat and muscle: {255 * (tissue['muscle'] - tissue['fat']) / wide:.0f} greys apart at a width of {wide}, ", end=""
)
print(f"{255 * (tissue['muscle'] - tissue['fat']) / 400:.0f} at 400")

# %% [markdown]
# There is one, but at its price: a window that reaches from lung to bone leaves few greys between fat and muscle. An
# eye has to choose. A network that gets the numbers need not.
#
# A CT in PNG or JPEG with 8 bits went through *some* window, and seldom says which. If it was that for soft tissue, all
# below -160 HU is one flat black. A solid nodule in the lung is still there, but its rim is cut, fine vessels are gone,
# and so is *ground glass*, a faint haze of about -700 to -300 HU. No network can bring that
# back. The 2D Organ sets of MedMNIST, for example, went through an abdominal window, as their cards say.
#
# > **Tip.** Keep the numbers; window late. For a network, clip to the range that the question needs, and write that
# > range down beside the model.

# %%
# exercise: data.window

# %%
# exercise: data.preset

# %% [markdown]
# ### Optional: a whole CT
#
# The set `ct_abdomen` is one CT of a belly. If you have it: where is the air that proves the unit? Leaf, and press 1 to
# 4 for the windows.

# %%
from medtutor.data import read_nifti

abdomen = find("ct_abdomen", "data")
if abdomen:
    view = SliceViewer(read_nifti(abdomen.path, unit="HU"), alt="Slices of a CT of the belly.", window="soft tissue")
else:
    view = "ct_abdomen is not on this machine; `medtutor fetch ct_abdomen` gets it (2 MB)."
view

# %% [markdown]
# If you have it: air is around the body and inside of the bowel, near -1000. If it were near 0 or 24, slope and
# intercept would be missing.

# %% [markdown]
# ## 6. Where in the patient? Spacing and orientation
#
# Back to the head of section 1. Each slice is a file, and the names of the files say nothing about their order. What
# counts are three elements: *ImagePositionPatient*, where the first pixel lies; *ImageOrientationPatient*, in which
# directions rows and columns run; *PixelSpacing*, the distance of the pixels. All in millimetres.
#
# > **Caution.** PixelSpacing holds two numbers: first the distance between *rows*, then the one between *columns*, that
# > is, first down, then across. Mostly they are equal, so that code with the two swapped passes for years.
#
# Where the study is not on your machine, a real series of five tiny CT slices that ships with pydicom stands in.

# %%
from medtutor.data.dicom import list_series, read_series

brain_files = find("brain_mri_study", "data")
tiny = Path(pydicom.examples.get_path("dicomdir")).parent / "98892001" / "CT5N"
all_series = list_series(brain_files.path if brain_files else tiny)
series = all_series[0]
headers = [pydicom.dcmread(file) for file in series.files]
print(series.description, "from", "the study" if brain_files else "pydicom's test files")
print("in the order of the file names:", [int(header_.InstanceNumber) for header_ in headers])

# %% [markdown]
# Sorting by name would shuffle the head. Sort by position *along the normal*, the direction that stands upright on the
# slices: the cross product of the direction of the rows and that of the columns.

# %%
row, column = np.array(headers[0].ImageOrientationPatient, float).reshape(2, 3)
normal = np.cross(row, column)
headers.sort(key=lambda header_: normal @ np.array(header_.ImagePositionPatient, float))
positions = np.array([header_.ImagePositionPatient for header_ in headers], float)  # (slices, 3), mm
thickness = float(headers[0].SliceThickness)
upwards = np.median(np.diff(positions[:, 2]))
step = np.median(np.diff(positions @ normal))
print(f"SliceThickness {thickness:g} mm; z grows by {upwards:.2f} mm; along the normal {step:.2f} mm")
print("SpacingBetweenSlices:", {str(header_.get("SpacingBetweenSlices", "not there")) for header_ in headers})

# %% [markdown]
# Three numbers, and in the brain study all three differ: 5, 6.38 and 6.5 mm. *SliceThickness* says how thick a slab
# of tissue is measured for one slice. A scanner often leaves a gap between the slabs in MRI. (FLAIR_reg was moved by
# a program onto the grid of T1post, so here thickness and gap describe that grid.) The last coordinate alone is too
# small, because the slices were tilted by some degrees to follow the brain. Only the step along the normal is the
# distance from slice to slice. (Positions are left, posterior, superior; more on that in a moment.)
#
# There is an element with a better name, *SpacingBetweenSlices*, and in the study it is right. Elsewhere it is often
# absent, or filled in with something else. The differences of positions are the best source; that a position too can
# be wrong, an optional part below shows.

# %%
# exercise: data.step

# %% [markdown]
# ### The affine
#
# From these elements we can build the one matrix that says it all: it takes a voxel (column, row, slice) to
# millimetres. Its first column is the step from one pixel to the next in a row, the second down a column, the third
# from slice to slice, the last is where the first voxel lies.

# %%
between_rows, between_columns = (float(value) for value in headers[0].PixelSpacing)
lps = np.eye(4)
lps[:3, 0] = row * between_columns
lps[:3, 1] = column * between_rows
lps[:3, 2] = normal * step
lps[:3, 3] = positions[0]
np.round(lps, 2)

# %% [markdown]
# DICOM counts millimetres towards the patient's **L**eft, **P**osterior (the back) and **S**uperior (the head): LPS.
# NIfTI counts towards **R**ight, **A**nterior and **S**uperior: RAS. The same point of the same patient has other signs
# in its first two coordinates. Whoever mixes the two mirrors the patient twice: left for right and front for back.

# %%
affine = np.diag([-1, -1, 1, 1]) @ lps
volume = read_series(series)
agree("affine, LPS to RAS", affine, volume.affine)
i, j, k = volume.array.shape[0] // 4, volume.array.shape[1] * 3 // 5, 2  # column, row, slice
sides = ("right", "left"), ("anterior", "posterior"), ("superior", "inferior")  # where above 0, where below
at_mm = [(value, side[int(value < 0)]) for value, side in zip((affine @ (i, j, k, 1))[:3], sides, strict=True)]
print("the voxel lies", ", ".join(f"{abs(value):.0f} mm {side}" for value, side in at_mm))

# %%
here = volume.array[:, :, k]
usual = np.median(here[here > 0.2 * here.max()])  # of the head, without air
mark = np.zeros(here.shape, int)
around = len(here) // 30 + 1
mark[i - around : i + around + 1, j - around : j + around + 1] = 1
figures.images(
    [here.T],
    window=(0, np.percentile(here, 99.5)),
    masks=[mark.T],
    mask_names=["the voxel, in the middle of the box"],
    title=f"The voxel has the value {here[i, j]:.0f}; the middle value of this slice is {usual:.0f}",
    alt="The slice with a small box around the voxel. In the study the box is inside of the bright patch, at left.",
)

# %% [markdown]
# In the study the voxel lies in the bright patch, in the *left* quarter of the picture, and its first coordinate is
# positive in RAS: it is on the patient's **right** (and towards the back). That answers section 1. DICOM slices of the
# head are shown as if you stood at the patient's feet, face to face, so the patient's right is on your left.
#
# The viewer below takes its letters R and L from the affine. On which side does it put the patch, and on how many
# slices do you find it?

# %%
SliceViewer(
    flair, index=2, alt="Slices through a head in MRI (FLAIR), from below upwards, with a bright patch on one side."
)

# %% [markdown]
# In the study the patch is beside the R, on the lowest four slices of this course's copy, which lacks the part with the
# face. The letters are computed, as we computed the millimetres, and not painted on the picture.
#
# NIfTI viewers, and `imshow` on an array in RAS order, often show it the other way round. Here is one slice, both ways.

# %%
ras = flair.image.to_ras()  # only the first two axes differ in direction
as_radiology = flair.image.array[:, :, 2].T  # as DICOM stores it: rows go down, columns to the patient's left
as_research = ras.array[:, :, 2].T[::-1]
top = np.percentile(as_radiology, 99.5)
figures.images(
    [as_radiology, as_research],
    titles=["R        as stored, LPS        L", "L        axes in RAS        R"],
    window=(0, top),
    columns=2,
    title="The same slice of the same patient in two conventions: neither is wrong, and they are mirror images",
    alt="One MRI slice of a head twice. In the first picture, with the letter R above its left half, the bright patch is "
    "in the left half. In the second, mirrored one, with R above its right half, it is in the right half.",
    source=flair.source,
)

# %% [markdown]
# > **Clinic.** A head looks almost the same mirrored. In a review of 35 operations that opened the skull on the wrong
# > side or place, problems with the images were among the four groups of causes (Cohen et al. 2010). A pipeline that
# > drops the affine makes such an image, and nothing in the pixels betrays it. This is why cards of sets whose labels
# > or organs have a side forbid left-right flips.

# %% [markdown]
# ### Optional: how the place gets lost
#
# Our CT slice is an example of how easily it happens. Its header says how wide the image was that the scanner
# computed, and it holds fewer columns than that.

# %%
width = ct.Columns * float(ct.PixelSpacing[1])
print(f"the file: {ct.Columns} columns, {width:.0f} mm; the scanner's image: {float(ct.ReconstructionDiameter):.0f} mm")
print("first pixel at", ct.ImagePositionPatient, "in LPS, where it has", int(hu[0, 0]), "HU")

# %% [markdown]
# Someone cut a small square out of the middle of the image, to save space, and left ImagePositionPatient as it was. It
# still names the corner of the large image, 158 mm to the right and 179 mm to the front, where there is air around the
# patient. But our first pixel is lung.
#
# > **Caution.** Whoever crops must move the origin, whoever resizes must change the spacing, whoever flips must flip
# > the affine. MONAI's and nibabel's functions do it; a slice of a plain array does not.

# %% [markdown]
# ### From a mask to cubic millimetres
#
# Now the 30 %. The volume of anything is its number of voxels times the volume of one voxel, and the volume of one
# voxel is the determinant of the affine's 3 x 3 part: it holds all three steps, however they are turned.

# %%
bright = volume.array > 0.2 * np.percentile(volume.array, 99)  # roughly the head, without air
one_voxel = abs(np.linalg.det(affine[:3, :3]))
by_thickness = bright.sum() * between_rows * between_columns * thickness
by_affine = bright.sum() * one_voxel
print(f"by thickness {by_thickness / 1000:.4g} cm3, by the affine {by_affine / 1000:.4g} cm3")
print(f"the second is {by_affine / by_thickness - 1:+.0%} of the first")
agree("volume of one voxel", one_voxel, volume.voxel_mm3)

# %% [markdown]
# There is the growth of the first section: 6.5 / 5 = 1.3. Nobody made a gross mistake. Someone multiplied by an element
# whose name sounds right.
#
# The hippocampus files make the opposite trap. Their voxels are 1 x 1 x 1 mm, so that counting voxels gives the right
# number by luck, and code that forgets the spacing passes every test on this data set.

# %%
mask = case.mask
count = int((mask.array > 0).sum())
half = mask.array[::2, ::2, ::2]  # the same structure on a grid of 2 mm
print(f"1 mm: {count} voxels; 2 mm: {(half > 0).sum()} voxels, {(half > 0).sum() * 8 * mask.voxel_mm3:.0f} mm3")

# %% [markdown]
# ### Optional: resampling
#
# Networks want one grid. *Resampling* computes values between the voxels, so that all volumes have, say, 2 mm in every
# direction. Seen from the front, the head with its few slices is squashed unless that is done.

# %%
from nibabel.processing import resample_to_output

image = nibabel.Nifti1Image(np.asarray(flair.image.array, np.float32), flair.image.affine)
even = resample_to_output(image, voxel_sizes=(2, 2, 2), order=1)  # order 1: linear between neighbours
print(flair.image.array.shape, "voxels become", even.shape)
cut = ras.array[:, ras.array.shape[1] // 2].T[::-1], np.asarray(even.dataobj)[:, even.shape[1] // 2].T[::-1]
figures.images(
    list(cut),
    titles=["one row for each slice", "resampled to 2 mm"],
    window=(0, top),
    columns=2,
    title="Without spacing the head is flat",
    alt="A cut through the head seen from the front, twice: as a flat strip of few rows, and in right proportions after "
    "resampling.",
    source=flair.source,
)

# %% [markdown]
# Resampling adds no information: what it puts between two slices is a smooth guess. And labels must not be averaged. Half-way
# between label 0 and label 2 lies a 1, which here is another part of the brain.

# %%
from scipy.ndimage import zoom

posterior = np.where(mask.array == 2, 2.0, 0.0)  # this mask has no label 1
smooth, nearest = zoom(posterior, 1.5, order=1), zoom(posterior, 1.5, order=0)
print(f"linear, then rounded: {np.sum(np.round(smooth) == 1)} voxels are labelled 1, anterior, where there was none")
print("nearest: labels", np.unique(nearest).tolist())

# %% [markdown]
# ## 7. What shrinking to 28 x 28 destroys
#
# Many teaching sets, ours too, hold images of 28 x 28 pixels, because training then takes seconds. What is the price?
# We measure it with something whose size we know: a round spot that we plant ourselves. As a background we take one of
# the upper slices of the head, in the middle of a square of zeros whose side 28 divides.

# %%
head = flair.image.array[:, :, 5].T  # (rows, columns)
mm = float(flair.image.spacing[0])
k_small = -(-max(head.shape) // 28)  # so many pixels become one; rounded up
slice_ = np.zeros((28 * k_small, 28 * k_small), np.float32)
down, across = (np.array(slice_.shape) - head.shape) // 2
slice_[down : down + head.shape[0], across : across + head.shape[1]] = head / np.percentile(head, 99.5)
print(f"{mm:.2f} mm a pixel, {len(slice_) * mm:.0f} mm across; shrunk to 28, a pixel is {k_small * mm:.1f} mm wide")


# %%
def spot(shape, row, col, diameter_mm):
    """A disc of value 1 with a smooth rim, 0 outside; row and col of its middle in pixels of `mm`."""
    r, c = np.indices(shape)
    return np.clip(diameter_mm / mm / 2 - np.hypot(r - row, c - col) + 0.5, 0, 1)


def by_area(image, times=k_small):
    """Every square of times x times pixels becomes its mean."""
    return image.reshape(image.shape[0] // times, times, -1, times).mean(axis=(1, 3))


def by_nearest(image, times=k_small):
    """Of every square of times x times pixels the middle one is kept, the rest is thrown away."""
    return image[times // 2 :: times, times // 2 :: times]


# %% [markdown]
# PyTorch has both. A caution comes with it: `mode="bilinear"` sounds smooth, but by default it looks at two pixels in
# each direction whatever the factor, so it skips almost as much as nearest does. `antialias=True` changes that.

# %%
import torch
from torch.nn import functional as F

tensor = torch.from_numpy(slice_)[None, None]
agree("shrinking by area", by_area(slice_), F.interpolate(tensor, (28, 28), mode="area")[0, 0])
agree("shrinking by nearest", by_nearest(slice_), F.interpolate(tensor, (28, 28), mode="nearest-exact")[0, 0])

# %% [markdown]
# Lesions of the brain and nodules of the lung matter from some millimetres on. **Predict first**: a lesion in the brain
# of 5 mm, brighter than its surroundings. Which part of its contrast is left at 28 pixels after averaging? And after
# nearest?

# %%
guess_area, guess_nearest = None, None  # shares between 0 and 1

# %%
brain = float(np.median(slice_[slice_ > 0.2]))  # roughly: the head without air and fluid
planted = {5: (-30, 26), 10: (0, 30), 20: (32, 28)}  # diameter in mm: mm down and right from the middle
with_spots, rings = slice_.copy(), np.zeros(slice_.shape, int)
for label, (diameter, place) in enumerate(planted.items(), start=1):
    row_, col_ = (len(slice_) / 2 + offset / mm for offset in place)
    with_spots += 0.7 * brain * spot(slice_.shape, row_, col_, diameter)
    around = spot(slice_.shape, row_, col_, diameter + 8) - spot(slice_.shape, row_, col_, diameter + 5)
    rings[around > 0.5] = label

# %%
as_large = [np.kron(small_, np.ones((k_small, k_small))) for small_ in (by_area(with_spots), by_nearest(with_spots))]
figures.images(
    [with_spots, *as_large],
    titles=[f"{len(slice_)} px", "28 px, averaged", "28 px, nearest"],
    window=(0, 1),
    masks=[rings] * 3,
    mask_names=[f"{diameter} mm" for diameter in planted],
    columns=3,
    title="Three bright spots in the brain: at 28 pixels only the largest is more than a pixel or two",
    alt="A slice through a head with three ringed bright spots of 5, 10 and 20 mm; the same at 28 by 28 pixels, averaged: "
    "the largest is a block of bright pixels, the middle one a faint pixel or two, the smallest can hardly be told; the "
    "same by nearest: blocky, and what is left of a spot depends on where the kept pixels lie.",
    source=flair.source,
)

# %% [markdown]
# We gave the spots 1.7 times the brightness of the brain, about that of the real patch. A picture depends on where the
# spots happen to lie. So we plant each size at many random places and measure how much of the contrast is left in the
# pixel that kept most. No background is needed for this: both ways of shrinking are linear, so that the spot alone
# gives the same answer.

# %%
rng = np.random.default_rng(budget.seeds[0])
diameters = (2, 3, 5, 8, 12, 16, 24, 40)
field_px = 10 * k_small  # side of the small field in which the spot lies
kept = {"averaged": [], "nearest": []}
for diameter in diameters:
    centres = rng.uniform(4 * k_small, 6 * k_small, (budget.positions, 2))
    alone = [spot((field_px, field_px), *centre, diameter) for centre in centres]
    kept["averaged"].append([by_area(field).max() for field in alone])
    kept["nearest"].append([by_nearest(field).max() for field in alone])
kept = {name: np.array(values) for name, values in kept.items()}  # (diameters, positions)

# %%
from matplotlib.figure import Figure

five = diameters.index(5)
means = {name: values.mean(axis=1) for name, values in kept.items()}
fig = Figure(figsize=(7, 4), layout="constrained")
axis = fig.subplots()
for (name, values), line, colour in zip(means.items(), ("o-", "s--"), figures.CYCLE, strict=False):
    axis.loglog(diameters, values, line, color=colour, label=f"{name}, mean over the places")
square = means["averaged"][five] * (np.array(diameters[:4]) / 5) ** 2
axis.loglog(diameters[:4], square, "k:", label="square of the size")
axis.axvline(k_small * mm, color="grey", linewidth=1, label="width of a pixel at 28 px")
axis.set(xlabel="diameter of the spot, mm", ylabel="share of its contrast that is left")
axis.minorticks_off()
axis.set_xticks(diameters, diameters)
axis.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5, 1], ["2 %", "5 %", "10 %", "20 %", "50 %", "100 %"])
axis.legend(frameon=False)
fig.suptitle("Well below the width of a pixel contrast falls about with the square of the size", fontweight="bold")

# %%
alt = "Two curves over the diameter from 2 to 40 mm, both axes logarithmic. "
alt += f"At 5 mm averaging leaves {means['averaged'][five]:.0%} and nearest {means['nearest'][five]:.0%} in the mean. "
alt += "Below that both follow the dotted line of the square. Nearest reaches 1 soon above the width of a pixel, "
alt += "averaging at about three times that width."
figures.show(fig, alt=alt)

# %% [markdown]
# Well below a pixel the two lose about the same on average; from about 5 mm on nearest keeps more. But an average over
# places is not what happens to one patient.

# %%
print("diameter   averaged keeps   nearest keeps under a tenth in")
for diameter, area, near in zip(diameters, kept["averaged"], kept["nearest"], strict=True):
    print(f"{diameter:>5} mm {area.min():>8.0%} to {area.max():>4.0%} {np.mean(near < 0.1):>12.0%} of the places")
record("contrast_lost_5mm", 1 - kept["averaged"][five].mean())
record("missed_by_nearest_5mm", np.mean(kept["nearest"][five] < 0.1))

# %% [markdown]
# Averaging leaves every small spot a little contrast; how much that is among other differences comes next. Nearest
# makes a lottery: many patients with a 5 mm spot have none in the small image, others have a spot of full contrast and
# the size of a whole pixel. That is *aliasing*: detail that is too fine for the grid turns into something that was
# never there.

# %%
inside = by_area(slice_)[8:20, 8:20]  # brain, both sides, both axes
differ = np.concatenate([np.abs(np.diff(inside, axis=axis_)).ravel() for axis_ in (0, 1)]) / np.median(inside)
few, usual, many = np.percentile(differ, (10, 50, 90))
print(f"neighbouring pixels differ by {usual:.0%} (median), eight of ten pairs by {few:.0%} to {many:.0%}")
full = kept["averaged"][five].mean()
low, high = kept["averaged"][five].min(), kept["averaged"][five].max()
for contrast in (0.7, 0.2):
    print(
        f"a 5 mm spot {contrast:.0%} brighter: {contrast * full:.0%} left, {contrast * low:.0%} to {contrast * high:.0%}"
    )

# %% [markdown]
# Compare the lines. A spot as bright as the real patch mostly stands out a little. What is left of a faint one is no
# more than many neighbours differ by without any spot: it is hard to tell from them.
#
# > **Clinic.** An accuracy on 28-pixel images says little about findings well below half a pixel, and in a chest of 35
# > cm a pixel is 12.5 mm. For solid lung nodules the guideline of the Fleischner Society draws its lines at 6 and 8 mm
# > (MacMahon et al. 2017).

# %% [markdown]
# ## 8. MRI has no unit
#
# In CT, about -90 is fat. What is 900 in MRI? Look at the largest value in each hippocampus volume.

# %%
largest = np.array([float(one.image.array.max()) for one in volumes])
print(f"{len(largest)} volumes, largest value: {largest.min():,.0f} to {largest.max():,.0f}")
record("largest_over_smallest_mri", largest.max() / largest.min())

# %% [markdown]
# The same part of the body, one hospital, one scanner, and values that differ by orders of magnitude. The strength of
# the echo depends on the *coil* (the antenna around the body part), the amplifier and the settings, and some files have
# probably been rescaled on the way. A network that gets these numbers as they are sees mostly the scale of the file.
#
# The usual answer is to *normalise each volume by itself*: here its 1st and 99th percentile become 0 and 1. Percentiles
# and not the extremes, so that one hot voxel does not decide.


# %%
def normalise(array):
    """A volume to 0..1 by its own percentiles."""
    low, high = np.percentile(array, (1, 99))
    return np.clip((array - low) / (high - low), 0, 1)


by_largest = np.argsort(largest)
three = by_largest[[0, len(by_largest) // 2, -1]]  # the smallest, the middle and the largest scale
heads = [volumes[which].image.array for which in three]
middle = [one[:31, one.shape[1] // 2, :26].T[::-1] for one in heads]  # from the front, the part that all have
before = [np.clip(one / np.percentile(middle[1], 99), 0, 1) for one in middle]
after = [normalise(one) for one in middle]

# %%
figures.images(
    before + after,
    titles=[f"largest {largest[which]:,.0f}" for which in three] + ["normalised"] * 3,
    columns=3,
    title="One scale for all shows one volume; each on its own scale shows three brains",
    alt="Six small MRI slices. Upper row, shown on one common scale: the first is black, the second is a brain, the third "
    "is white. Lower row, each normalised by itself: three similar brain images.",
    source=case.source,
)

# %% [markdown]
# What this buys is comparability of contrast. It does not give a unit back: after it, "0.7" still is no amount of
# anything, and a volume with a large tumour has other percentiles than a healthy one. No method is known to be best;
# Reinhold et al. (2019) compare seven for one task, image synthesis.

# %% [markdown]
# ## 9. Who is it? Identity in headers and in pixels
#
# A DICOM file carries its patient along. Part 15 of the standard, Annex E, lists several hundred elements that can
# identify someone, with what to do about each: remove, empty, replace. We look at what the CT slice says. It is a test
# file whose name was replaced long ago; what else is in it is a good lesson.

# %%
TYPES = ("PN", "DA", "TM", "DT", "UI")  # names of people, dates, times, both, ids
KEYWORDS = ("PatientID", "OtherPatientIDs", "PatientAddress", "StudyID", "AccessionNumber", "StudyDescription")
KEYWORDS += ("RequestedProcedureID", "ScheduledProcedureStepID", "InstitutionName", "InstitutionAddress")
KEYWORDS += ("StationName", "DeviceSerialNumber", "ImageComments", "PatientComments", "StudyComments")


def telling(element):
    """Whether an element may tell who, where or when. Ids that begin so are the standard's own and tell nothing."""
    return (element.VR in TYPES or element.keyword in KEYWORDS) and not str(element.value).startswith("1.2.840.10008.")


# %%
def with_path(dataset, path=""):
    """Every element with its path; inside of a *sequence*, a list of small data sets, the number of the item is in it."""
    for element in dataset:
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from with_path(item, f"{path}{element.keyword}.{number}.")
        else:
            yield path + element.keyword, element


# %%
found = {path: str(element.value) for path, element in with_path(ct) if telling(element) and str(element.value)}
print(len(found), "elements may tell something, among them")
for path, value in found.items():
    keyword = path.split(".")[-1]
    if keyword in ("SOPInstanceUID", "StudyDate", "AcquisitionDate", "PatientName", *KEYWORDS):
        print(f"  {path:<36}{value}")

# %% [markdown]
# Ids of the patient stand there four times: as such, again as the id of the study, and two others in a sequence. Dates
# are identifying as well: who was scanned on a given day in a given hospital is often one person. And look at the UIDs,
# the ids of the file: the date and time are part of the number.
#
# Now the brain study of The Cancer Imaging Archive (TCIA), in the copy that this course uses. What was done to it?

# %%
ours = headers[0]
for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "StudyDate"):
    print(f"{keyword:<18}{ours.get(keyword, '(not there)')}")
print("identity removed: ", ours.get("PatientIdentityRemoved", "(not stated)"))
print("dates:            ", ours.get("LongitudinalTemporalInformationModified", "(not stated)"))
for rule in ours.get("DeidentificationMethodCodeSequence", []):
    print("   ", rule.CodeMeaning)

# %%
for each in all_series:
    dates = [(path, element.value) for path, element in with_path(pydicom.dcmread(each.files[0])) if element.VR == "DA"]
    print(f"{each.description}:", {value: path for path, value in dates if value})

# %% [markdown]
# The study's copy came to us through a teaching repository. In it the name is invented, the id is a number of the
# collection, and the date of birth is empty. The date of the study, in 2020, is later than the collection, which was
# published in 2018: it was set anew. The header names the rules, and claims that intervals were kept (MODIFIED, that
# is, all dates moved by the same amount). But T1post has one date of 1995, of the start of the procedure,
# beside 2020. The two were not moved by one amount, and neither need be true. Do not try to find out who it is.
# A header says what was intended. Sex, age and even the weight stay, because research needs them; that is a choice with
# a risk.
#
# ### Do it by hand, and test it
#
# Write the test first. We write the file to memory and search its *bytes* for what was secret: all texts of the telling
# elements. That is a stricter judge than asking the same elements again.

# %%
import copy
import io


def secrets_in(dataset, secrets):
    """The secrets that can still be read somewhere in the written file."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return sorted(secret for secret in secrets if secret.encode() in buffer.getvalue())


secrets = set(found.values())
print(len(secrets_in(ct, secrets)), "of", len(secrets), "secrets are in the original")

# %% [markdown]
# Now the way that is taken most often: empty the patient's name, id and date of birth.

# %%
first_try = copy.deepcopy(ct)
for keyword in ("PatientName", "PatientID", "PatientBirthDate"):
    setattr(first_try, keyword, "")
left = secrets_in(first_try, secrets)
print(f"{len(left)} are left: {', '.join(left)}")

# %% [markdown]
# The id itself is still there, as the id of the study. So is everything in the sequence, and where and when.
#
# Better, we *pseudonymise*: the patient gets a code, the same for all files of this patient, and only whoever holds a
# key can get from the code to the patient. Other ways stay open: a face, text in the pixels, a rare disease. So
# pseudonymised data are still data about a person, and under laws such as the European GDPR still personal data. We
# make the code, and new ids of files, by a *keyed hash*: a number computed from the old id and the key. The same id
# gives the same number, so that what belonged together still does, and without the key nobody can compute it. The
# other elements that tell are emptied, in sequences too: pydicom's `walk` visits every element in any depth. Emptied
# and not deleted, because some, such as the patient's name and the date of the study, must be there (*type 2* in the
# standard: present, perhaps empty).

# %%
import hashlib
import hmac
import os

KEY = os.urandom(32)  # a project makes one once, and keeps it apart from the data and out of the repository


def code(text, digits=12):
    """Digits for a text: the same text and KEY always give the same ones."""
    return str(int(hmac.new(KEY, str(text).encode(), hashlib.sha256).hexdigest(), 16))[:digits]


# %%
def pseudonymise(dataset):
    """A copy in which the telling elements are emptied, the ids of files and of the patient replaced."""

    def change(parent, element):
        if telling(element) and str(element.value):
            element.value = "2.25." + code(element.value, 30) if element.VR == "UI" else ""

    clean, patient = copy.deepcopy(dataset), code(dataset.PatientID)
    clean.walk(change)
    clean.file_meta.MediaStorageSOPInstanceUID = clean.SOPInstanceUID  # the start of the file repeats it
    clean.PatientID, clean.PatientName = patient, f"Patient^{patient}"
    clean.PatientIdentityRemoved = "NO"  # "YES" only after the whole profile, private elements, pixels and faces
    clean.DeidentificationMethod = "medtutor lesson 1, not a full profile"
    return clean


# %%
clean = pseudonymise(ct)
left = secrets_in(clean, secrets)
print("left:", left or "nothing")
record("secrets_removed", 1 - len(left) / len(secrets))
agree("pixels after pseudonymising", clean.pixel_array, ct.pixel_array)

# %% [markdown]
# The test passes. Is the file clean? Ours is a teaching version: five types and fifteen keywords, where the standard's
# list has hundreds. What our list does not know, neither the cleaner nor the test sees. *Private elements*, in which
# each maker of scanners keeps what it likes, were left as they are. Here is one of them. It holds no text at all.

# %%
from datetime import UTC, datetime

private = clean[0x0009, 0x1027]
print(private.name, private.value, "->", datetime.fromtimestamp(private.value, UTC).date())
print("acquired, according to the original header:", ct.AcquisitionDate)
clean.remove_private_tags()
print("after remove_private_tags():", (0x0009, 0x1027) in clean)

# %% [markdown]
# A whole number: seconds since 1970. It is the day of the scan, invisible to any search for text. So a test like ours
# can prove that something *is* left; it cannot prove that nothing is. Hence the standard's *basic profile*, its list
# of what to do where nothing else was agreed, removes private elements; an option keeps those known to be safe. The
# standard adds that its use does not guarantee that all identifying information is removed. The preamble, the rest of
# group 0002, names of devices in the network (type AE), free text outside of our list, overlays (groups 60xx), small
# icon images and reports are not cleaned here either. And an element of *type 1* may not be empty: a real tool puts a
# dummy value there.
#
# > **Tip.** For real work take a tool that implements the whole profile, and test it. Of ten free tools, only one
# > removed all of fifty identifying elements with its default settings (Aryanto et al. 2015).

# %%
# exercise: data.leaks

# %% [markdown]
# ### Burned in
#
# Now the ultrasound. We clean its header in the same way, and look at the picture.

# %%
clean_ultrasound = pseudonymise(ultrasound)
print("institution before:", ultrasound.InstitutionName, "| after:", clean_ultrasound.InstitutionName or "(empty)")
print("BurnedInAnnotation:", clean_ultrasound.get("BurnedInAnnotation", "(not stated)"))
pixels = np.moveaxis(clean_ultrasound.pixel_array, -1, 0)  # (3, rows, columns)
blanked = pixels.copy()
blanked[:, :53] = blanked[:, 170:] = 0
figures.images(
    [pixels, blanked],
    titles=["after cleaning the header", "after blanking the margins"],
    columns=2,
    title="A clean header over a picture that names the hospital",
    alt="The ultrasound image twice. In the first the name of a medical centre, a time and numbers are written into the "
    "upper margin; in the second the margins above and below the scan are black.",
)

# %% [markdown]
# The element *BurnedInAnnotation* would warn us, and it is not set. Ultrasound, scanned films and screenshots are the
# usual suspects; look at them, or search them with text recognition, before they leave the house. Such text is also a
# *shortcut* for a network: the name of a cancer centre predicts cancer very well.
#
# ### Faces
#
# A 3D image of a head holds a face. In a study with 157 volunteers, face recognition matched 97 % of the MRI scans to
# the right photograph; after removing the face with the usual programs, 28 to 38 % were still matched (Schwarz et al.
# 2021). For this reason the nine lowest slices were left out of this course's copy of the study. No header field helps
# against it.

# %% [markdown]
# ## 10. Optional: who is in the data, and who is not
#
# Each of the course's sets has a card. We let the code read all of them: which modality, whether children or adults are
# named, which countries, and whether the file knows its patients. It searches for words, so it is a start for reading,
# not a replacement. To find out who is *not* there, it must look for more countries than there are: the list below has
# many from every continent, and some cities and states that stand for theirs.

# %%
import re

from medtutor import cards

COUNTRIES = "Argentina Australia Austria Bangladesh Belgium Bolivia Brazil Canada Chile China Colombia Cuba Denmark"
COUNTRIES += (
    " Ecuador Egypt Ethiopia Finland France Germany Ghana Greece India Indonesia Iran Iraq Ireland Israel Italy"
)
COUNTRIES += " Japan Kenya Korea Malaysia Mexico Morocco Mozambique Nepal Netherlands Nigeria Norway Pakistan Peru"
COUNTRIES += (
    " Philippines Poland Portugal Romania Russia Rwanda Senegal Singapore Spain Sudan Sweden Switzerland Taiwan"
)
COUNTRIES += " Tanzania Thailand Tunisia Turkey Uganda UK Ukraine USA Venezuela Vietnam Zambia Zimbabwe"
COUNTRIES = [*COUNTRIES.split(), "Saudi Arabia", "South Africa", "Sri Lanka", "United Kingdom"]
CITIES = {"Cairo": "Egypt", "Shanghai": "China", "Nashville": "USA", "Basel": "Switzerland", "Tokyo": "Japan"}
CITIES |= {"Indiana": "USA"}


# %%
def countries(text):
    """The countries that a text names, or whose cities it names."""
    named = re.findall(rf"\b({'|'.join([*COUNTRIES, *CITIES])})\b", text)
    return sorted({CITIES.get(name, name) for name in named})


def ages(text):
    """Children or adults, where a text names them or gives ages in years. Sex says nothing about age."""
    if "hildren" in text:
        return "children"
    years = re.search(r"\b(\d+) (to \d+ )?years", text)
    grown = re.search(r"\b[Aa]dult(s|\b(?! rat))", text) or (years and int(years[1]) >= 18)
    return "adults" if grown else "not stated"


def patients(text):
    """Whether the file tells which images show the same patient."""
    return "yes" if text.startswith("By patient") else "one" if text.startswith("One") else "no"


# %%
table = {
    card.name: (card.modality_key, ages(card.who), patients(card.patients), countries(f"{card.origin} {card.who}"))
    for card in cards()
}
print(f"{'set':<17}{'modality':<13}{'ages':<12}{'patients':<10}countries")
for name, (modality, age, known, named) in table.items():
    print(f"{name:<17}{modality:<13}{age:<12}{known:<10}{', '.join(named) or 'not stated'}")

# %%
from collections import Counter

for heading, which in (("modality", 0), ("ages", 1), ("patients known", 2)):
    print(f"{heading:<16}", dict(Counter(line[which] for line in table.values()).most_common()))
seen = Counter(country for line in table.values() for country in line[3])
print(f"{'countries':<16}", dict(seen.most_common()))
print(f"no country is stated in {sum(not line[3] for line in table.values())} of {len(table)} cards")
print(
    f"of {len(COUNTRIES)} names {len(COUNTRIES) - len(seen)} occur in none:", ", ".join(sorted({*COUNTRIES} - {*seen}))
)

# %% [markdown]
# Read the counts slowly.
#
# - **Patients**: hardly any set tells which images show the same person. On most of *these files* you cannot make a
#   split by patient, the first rule of this course, or check one (a few sets come with one made by their publisher);
#   often the source had ids, and the repackaging dropped them. Lesson 2 measures what that does to a score.
# - **Ages**: one set is known to show children, and for most sets nobody says how old anyone is.
# - **Countries**: those named are few, and many cards cannot name any. No country of South America, of South Asia, or
#   of Africa south of the Sahara is named in the cards. As far as we can know, who lives there is not in the data on
#   which such methods are compared.
# - **Sex, skin colour, disease stage**: see the rows *who is not* of the cards. What is not recorded cannot be checked
#   for fairness afterwards.

# %%
record("facts_agree", np.mean(list(facts.values())))
print(f"{sum(facts.values())} of {len(facts)} facts of this lesson agree with the libraries")

# %% [markdown]
# ## 11. Quiz
#
# Four questions. Each choice has an answer of its own, so wrong ones are worth trying too.

# %%
# quiz: data.unit

# %%
# quiz: data.thickness

# %%
# quiz: data.small

# %%
# quiz: data.identity

# %% [markdown]
# ## 12. Decide
#
# A colleague sends you a folder of PNG files, "CT, anonymised, ready for training". Would you train?
#
# - *Which window, and which slope and intercept?* An 8-bit PNG has no field for it. Without the answer the values have
#   no unit.
# - *Which spacing, which side?* Gone. No volume can be measured, and no left told from right.
# - *Which patient is on which image?* If nobody knows, no honest split can be made.
# - *Who looked at the pixels for names?* "Anonymised" mostly means that somebody has deleted the header.
#
# So ask for the DICOM files, pseudonymised by a stated profile, with a code for each patient. If only the PNGs can be
# had, they may do to learn a method. They will not do to make a claim about patients.
#
# Your part of the *data card*, filled from what was measured:

# %%
data_card = {
    "unit of the values": "HU for CT; none for X-ray, MRI, ultrasound, microscopy",
    "distance of slices": f"{step:.2f} mm along the normal (SliceThickness says {thickness:g})",
    "axes": f"{''.join(volume.orientation)} as stored, affine kept",
    "width of a pixel at 28 px": f"{k_small * mm:.1f} mm; a spot of 5 mm loses {1 - full:.0%} of its contrast",
    "identity": f"{len(secrets)} known secrets removed, not a full profile; pixels must be looked at",
}
for name, fact in data_card.items():
    print(f"{name:<27}{fact}")

# %% [markdown]
# ## Summary
#
# - A pixel is a measurement. Of our five only CT has a unit, with water and air as anchors that hold everywhere; MRI is
#   normalised volume by volume.
# - NIfTI is a header of fixed places, perhaps extensions, and voxels; DICOM is a list of elements. You can read both
#   with `struct`, and both can carry names.
# - A window throws away what lies outside. Keep the numbers and window late.
# - The affine knows spacing, order and sides. SliceThickness is not the distance of slices.
# - At 28 pixels contrast falls about with the square of the size once a finding is well below the width of a pixel.
# - Identity sits in names, dates, ids, private elements, pixels and faces. Test it; the test can only find, not clear.
#
# ### Claims of the field, and what we measured
#
# | claim | what we found |
# | --- | --- |
# | "Use SliceThickness as the third spacing" | 5 mm against 6.5 mm in the brain study: every volume 23 % too small |
# | "Bilinear resizing is smooth" | by default PyTorch's looks at two pixels in each direction (not measured here); measured: nearest misses most 5 mm spots, averaging flattens them |
# | "MRI values can be compared" | largest values differ by orders of magnitude within one public set |
# | "Removing the name anonymises" | ids in sequences, UIDs with dates, private seconds, text in the pixels were left |
#
# **Further reading**
#
# - DICOM Standard, PS3.3 C.7.6.2 (image plane) and C.11.2 (windows), PS3.5 chapter 7 (elements), PS3.15 Annex E
#   (confidentiality), dicomstandard.org
# - NIfTI-1 data format, nifti.nimh.nih.gov
# - ICRP Publication 129, Radiological protection in cone beam computed tomography, 2015
# - Lamba et al. 2014, CT Hounsfield numbers of soft tissues on unenhanced abdominal CT scans: variability between two
#   different manufacturers' MDCT scanners, PubMed Central PMC5015439
# - Ellingson et al. 2017, Modified criteria for radiographic response assessment in glioblastoma clinical trials, doi
#   10.1007/s13311-016-0507-6
# - Cohen et al. 2010, Wrong-site craniotomy: analysis of 35 cases and systems for prevention, doi
#   10.3171/2009.10.JNS091282
# - MacMahon et al. 2017, Guidelines for management of incidental pulmonary nodules detected on CT images: from the
#   Fleischner Society 2017, doi 10.1148/radiol.2017161659
# - Reinhold et al. 2019, Evaluating the impact of intensity normalization on MR image synthesis, arXiv:1812.04652
# - Aryanto et al. 2015, Free DICOM de-identification tools in clinical research, doi 10.1007/s00330-015-3794-0
# - Schwarz et al. 2021, Changing the face of neuroimaging research, doi 10.1016/j.neuroimage.2021.117845
# - Schmainda and Prah 2018, Data from Brain-Tumor-Progression, doi 10.7937/K9/TCIA.2018.15quzvnb
#
# **Next**: lesson 2 turns images into numbers by hand, and then lets a network find its own.
