"""Readers of NIfTI, DICOM and label maps: values, place and unit are right, and a bad file is named with its fault."""

import warnings
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from medtutor.data import Volume, list_series, read_dicom_series, read_label_map, read_nifti
from medtutor.errors import DataError, FormatError, UnknownNameError

RNG = np.random.default_rng(0)
# Rows run to the patient's left and a little down, columns to the back: no axis lies along another's.
ROW = np.array([0.96, 0.0, -0.28])
COLUMN = np.array([0.0, 1.0, 0.0])
NORMAL = np.cross(ROW, COLUMN)

# Volume


def test_a_volume_knows_spacing_orientation_and_size():
    affine = np.array([[0, -2.0, 0, 10], [0, 0, 3.0, 20], [0.5, 0, 0, 30], [0, 0, 0, 1]])
    volume = Volume(np.zeros((4, 5, 6), np.uint8), affine)
    assert volume.spacing == (0.5, 2.0, 3.0)
    assert volume.orientation == ("S", "L", "A")
    assert volume.voxel_mm3 == pytest.approx(3.0)
    assert volume.volume_mm3 == pytest.approx(3.0 * 120)
    assert repr(volume) == "<Volume 4 x 5 x 6 uint8, 0.5 x 2 x 3 mm, SLA, unit arbitrary>"


def test_turning_to_ras_moves_no_voxel_in_the_patient():
    affine = np.array([[0, -2.0, 0.1, 10], [0, 0.2, 3.0, 20], [-0.5, 0, 0, 30], [0, 0, 0, 1]])
    volume = Volume(RNG.integers(0, 99, (4, 5, 6)), affine, "HU")
    turned = volume.to_ras()
    assert turned.orientation == ("R", "A", "S") and turned.unit == "HU"
    assert turned.array.shape == (5, 6, 4)
    places = {tuple(np.round(turned.affine @ [*at, 1], 6)[:3]): value for at, value in np.ndenumerate(turned.array)}
    for at, value in np.ndenumerate(volume.array):
        assert places[tuple(np.round(affine @ [*at, 1], 6)[:3])] == value


def test_turning_to_ras_agrees_with_nibabel():
    affine = np.array([[0, -2.0, 0, 10], [0, 0, 3.0, 20], [-0.5, 0, 0, 30], [0, 0, 0, 1]])
    array = RNG.random((4, 5, 6, 2), np.float32)
    theirs = nibabel.as_closest_canonical(nibabel.Nifti1Image(array, affine))
    ours = Volume(array, affine).to_ras()
    assert np.array_equal(ours.array, theirs.get_fdata(dtype=np.float32))
    assert np.allclose(ours.affine, theirs.affine)


@pytest.mark.parametrize(
    "affine", [np.zeros((4, 4)), np.diag([1, 1, 0, 1]), np.full((4, 4), np.nan), np.eye(3)], ids=str
)
def test_an_affine_that_cannot_be_inverted_is_refused(affine):
    with pytest.raises(FormatError, match="should be 4 x 4 numbers that can be inverted"):
        Volume(np.zeros((2, 2, 2)), affine)


# NIfTI


def nifti(path: Path, array: np.ndarray, codes=(1, 1), affine=None, slope=None) -> Path:
    image = nibabel.Nifti1Image(array, np.diag([1.0, 2, 3, 1]) if affine is None else affine)
    image.set_sform(image.affine, code=codes[0])
    image.set_qform(image.affine, code=codes[1])
    if slope:
        image.header.set_slope_inter(*slope)
    nibabel.save(image, path)
    return path


def test_nifti_values_affine_and_type_are_those_of_nibabel(tmp_path):
    array = RNG.integers(-1000, 1000, (5, 6, 7)).astype(np.int16)
    volume = read_nifti(nifti(tmp_path / "a.nii.gz", array), unit="HU")
    assert volume.array.dtype == np.int16 and np.array_equal(volume.array, array)
    assert volume.spacing == (1, 2, 3) and volume.orientation == ("R", "A", "S") and volume.unit == "HU"


def test_scale_factors_of_a_nifti_header_are_applied(tmp_path):
    path = nifti(tmp_path / "a.nii", RNG.integers(0, 100, (3, 3, 3)).astype(np.int16), slope=(0.5, -10))
    volume = read_nifti(path)
    assert volume.array.dtype == np.float32
    assert np.allclose(volume.array, nibabel.load(path).get_fdata())
    assert np.asanyarray(nibabel.load(path).dataobj.get_unscaled()).max() > volume.array.max()


@pytest.mark.parametrize("codes", [(0, 1), (1, 0)])
def test_one_of_sform_and_qform_is_enough(tmp_path, codes):
    assert read_nifti(nifti(tmp_path / "a.nii", np.zeros((3, 3, 3), np.uint8), codes)).spacing == pytest.approx(
        (1, 2, 3)
    )


def test_nifti_without_affine_is_refused(tmp_path):
    path = nifti(tmp_path / "a.nii.gz", np.zeros((3, 3, 3), np.uint8), codes=(0, 0))
    with pytest.raises(
        FormatError, match=r"a\.nii\.gz has no affine \(sform and qform are both 0\), so left and right"
    ):
        read_nifti(path)


def test_nifti_with_a_singular_affine_is_refused_by_name(tmp_path):
    path = nifti(tmp_path / "a.nii", np.zeros((3, 3, 3), np.uint8))
    header = nibabel.load(path).header.copy()
    header["srow_z"] = 0
    content = path.read_bytes()
    path.write_bytes(header.binaryblock + content[len(header.binaryblock) :])
    with pytest.raises(FormatError, match=r"a\.nii: The affine .* can be inverted"):
        read_nifti(path)


@pytest.mark.parametrize("part", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii"])
def test_a_nifti_file_that_is_cut_off_is_refused_by_name(tmp_path, name, part):
    path = nifti(tmp_path / name, RNG.integers(0, 255, (20, 20, 20), np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(FormatError, match=f"{name} is .*copy"):
        read_nifti(path)


def test_an_altered_nifti_gz_is_noticed(tmp_path):
    path = nifti(tmp_path / "a.nii.gz", RNG.integers(0, 255, (20, 20, 20), np.uint8))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"a\.nii\.gz"):
        read_nifti(path)


@pytest.mark.parametrize(
    ("name", "content"), [("a.nii.gz", b"not gzip"), ("a.nii", b"text" * 200), ("a.txt", b"text"), ("a.nii", b"")]
)
def test_what_is_no_nifti_is_refused_by_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=f"{name} is not a readable NIfTI file"):
        read_nifti(tmp_path / name)


def test_another_format_that_nibabel_reads_is_not_nifti(tmp_path):
    nibabel.save(nibabel.MGHImage(np.zeros((3, 3, 3), np.uint8), np.eye(4)), tmp_path / "a.mgz")
    with pytest.raises(FormatError, match="MGHImage, not NIfTI; convert"):
        read_nifti(tmp_path / "a.mgz")


def test_a_missing_nifti_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"There is no file .*none\.nii"):
        read_nifti(tmp_path / "none.nii")


def test_four_axes_only_on_request(tmp_path):
    path = nifti(tmp_path / "a.nii", np.zeros((3, 4, 5, 2), np.uint8))
    with pytest.raises(DataError, match=r"has 4 axes \(3, 4, 5, 2\), expected one volume with 3; pass allow_4d"):
        read_nifti(path)
    assert read_nifti(path, allow_4d=True).array.shape == (3, 4, 5, 2)
    with pytest.raises(DataError, match="has 2 axes"):
        read_nifti(nifti(tmp_path / "b.nii", np.zeros((3, 4), np.uint8)), allow_4d=True)


def test_nan_in_a_volume_is_refused_with_the_number_of_voxels(tmp_path):
    array = np.zeros((3, 3, 3), np.float32)
    array[0, 0, :2] = np.nan
    with pytest.raises(DataError, match="holds NaN in 2 voxels"):
        read_nifti(nifti(tmp_path / "a.nii", array))


def test_labels_stored_as_floats_come_as_whole_numbers(tmp_path):
    labels = RNG.integers(0, 3, (4, 4, 4)).astype(np.float32)
    mask = read_nifti(nifti(tmp_path / "a.nii", labels), unit="label")
    assert mask.array.dtype == np.uint8 and np.array_equal(mask.array, labels)
    assert read_nifti(nifti(tmp_path / "c.nii", labels * 400), unit="label").array.dtype == np.int32
    for wrong in (labels + 0.5, labels - 1):
        with pytest.raises(DataError, match="should hold labels"):
            read_nifti(nifti(tmp_path / "b.nii", wrong), unit="label")


def test_a_real_volume_reads_as_monai_reads_it(real_data):
    from monai.transforms import LoadImage

    path = real_data / "msd" / "Task04_Hippocampus" / "imagesTr" / "hippocampus_001.nii.gz"
    ours, theirs = read_nifti(path), LoadImage(image_only=True)(path)
    assert np.array_equal(ours.array.astype(np.float32), theirs.numpy())
    assert np.allclose(ours.affine, theirs.affine.numpy())


# DICOM


def dicom(path: Path, place: float, pixels: np.ndarray, series: str = "1.2.3", **tags) -> Path:
    """One slice at `place` mm along the normal, with spacing 0.5 mm between rows and 0.8 mm between columns."""
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = MRImageStorage
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    header.SeriesInstanceUID, header.SeriesDescription, header.PatientID = series, f"series {series}", "p1"
    header.Modality = "MR"
    header.ImageOrientationPatient = [*ROW, *COLUMN]
    header.ImagePositionPatient = [float(x) for x in np.array([-10.0, -20, 5]) + place * NORMAL]
    header.PixelSpacing, header.SliceThickness = [0.5, 0.8], 5
    header.Rows, header.Columns = pixels.shape[:2]
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit, header.PixelRepresentation = 15, int(pixels.dtype.kind == "i")
    header.PixelData = pixels.tobytes()
    for name, value in tags.items():
        if value is None:
            delattr(header, name)
        else:
            setattr(header, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(path, enforce_file_format=True)
    return path


def series(folder: Path, places=(0, 6.5, 13, 19.5), names="dbca", **tags) -> np.ndarray:
    """A series whose file names are not in the order of the slices; returns its slices (rows, columns) in order."""
    stack = RNG.integers(0, 1000, (len(places), 3, 4)).astype(np.uint16)
    for place, name, pixels in zip(places, names, stack, strict=True):
        dicom(folder / f"{name}.dcm", place, pixels, **tags)
    return stack


def test_slices_are_sorted_along_their_normal_not_by_name(tmp_path):
    stack = series(tmp_path)
    volume = read_dicom_series(tmp_path)
    assert volume.array.shape == (4, 3, 4) and volume.array.dtype == np.uint16
    assert np.array_equal(volume.array, stack.transpose(2, 1, 0))
    assert volume.unit == "arbitrary"


def test_the_affine_puts_each_pixel_where_its_header_does(tmp_path):
    stack = series(tmp_path)
    volume = read_dicom_series(tmp_path)
    for path in tmp_path.iterdir():
        header = pydicom.dcmread(path)
        k = next(k for k in range(4) if np.array_equal(stack[k], header.pixel_array))
        for row, column in ((0, 0), (2, 3), (1, 2)):
            # DICOM PS3.3, C.7.6.2.1.1, by hand; then left to right and back to front.
            place = np.array(header.ImagePositionPatient, float) + ROW * 0.8 * column + COLUMN * 0.5 * row
            assert np.allclose((volume.affine @ [column, row, k, 1])[:3], place * [-1, -1, 1], atol=1e-6)
            assert volume.array[column, row, k] == header.pixel_array[row, column]


def test_the_step_comes_from_the_positions_not_from_the_thickness(tmp_path):
    series(tmp_path)
    assert read_dicom_series(tmp_path).spacing == pytest.approx((0.8, 0.5, 6.5))


def test_rescale_is_applied_per_slice_and_ct_is_in_hounsfield_units(tmp_path):
    for i in range(3):
        pixels = np.full((3, 4), 10 * i, np.int16)
        dicom(tmp_path / f"{i}.dcm", i, pixels, Modality="CT", RescaleSlope=2, RescaleIntercept=-1024 + i)
    volume = read_dicom_series(tmp_path)
    assert volume.unit == "HU" and volume.array.dtype == np.float32
    assert volume.array[0, 0].tolist() == [-1024, -1003, -982]


def test_a_rescaled_volume_that_is_not_ct_has_no_unit(tmp_path):
    series(tmp_path / "mr", RescaleSlope=1, RescaleIntercept=0)
    assert read_dicom_series(tmp_path / "mr").unit == "arbitrary"
    series(tmp_path / "us", Modality="CT", RescaleSlope=1, RescaleIntercept=0, RescaleType="US")
    assert read_dicom_series(tmp_path / "us").unit == "arbitrary"


def test_a_real_ct_slice_has_the_values_of_pydicoms_own_lut(tmp_path):
    source = get_testdata_file("CT_small.dcm")
    (tmp_path / "CT_small.dcm").write_bytes(Path(source).read_bytes())
    with pytest.warns(UserWarning, match="has one slice"):
        volume = read_dicom_series(tmp_path)
    header = pydicom.dcmread(source)
    assert np.array_equal(volume.array[..., 0].T, apply_modality_lut(header.pixel_array, header))
    assert volume.unit == "HU"
    assert volume.spacing[2] == pytest.approx(float(header.SliceThickness))


def test_the_real_study_reads_as_monai_reads_it(real_data):
    from monai.data import PydicomReader

    for name, kind in (("T1post", np.uint16), ("FLAIR_reg", np.float32)):
        folder = real_data / "dicom" / "brain_mri_study" / name
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ours = read_dicom_series(folder)
        reader = PydicomReader()
        theirs, meta = reader.get_data(reader.read(str(folder)))
        assert ours.array.dtype == kind
        assert np.array_equal(ours.array, theirs)
        assert np.allclose(ours.affine, meta["affine"], atol=1e-5)
        assert ours.spacing == pytest.approx((0.6875, 0.6875, 6.5), abs=1e-4)
        assert ours.to_ras().orientation == ("R", "A", "S")


def test_the_real_study_mixes_two_series_and_both_are_named(real_data):
    folder = real_data / "dicom" / "brain_mri_study"
    with pytest.raises(FormatError, match="mixes 2 series.*FLAIR_reg: 13 files, series_uid='1.*T1post: 13 files"):
        read_dicom_series(folder)
    flair, t1 = list_series(folder)
    assert (flair.description, t1.description, t1.patient) == ("FLAIR_reg", "T1post", "PGBM-003")
    assert np.array_equal(read_dicom_series(folder, t1.uid).array, read_dicom_series(folder / "T1post").array)


def test_mixed_series_are_listed_and_one_can_be_chosen(tmp_path):
    first = series(tmp_path, series="1.2.3")
    series(tmp_path, names="wxyz", series="1.2.4")
    with pytest.raises(
        FormatError, match=r"mixes 2 series; choose one with series_uid.*series 1\.2\.3: 4 files"
    ) as caught:
        read_dicom_series(tmp_path)
    assert "series_uid='1.2.4'" in str(caught.value)
    assert np.array_equal(read_dicom_series(tmp_path, "1.2.3").array, first.transpose(2, 1, 0))
    with pytest.raises(UnknownNameError, match=r"no series '1\.2\.5'; did you mean"):
        read_dicom_series(tmp_path, "1.2.5")


def test_a_folder_that_is_missing_or_empty_is_an_error(tmp_path):
    with pytest.raises(DataError, match="There is no folder .*none"):
        read_dicom_series(tmp_path / "none")
    with pytest.raises(DataError, match="is empty; expected the DICOM files"):
        read_dicom_series(tmp_path)
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "deeper").mkdir()
    with pytest.raises(DataError, match="is empty"):
        read_dicom_series(tmp_path)


def test_a_folder_without_dicom_is_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(FormatError, match=r"holds 1 files but no DICOM \(first: notes\.txt\)"):
        read_dicom_series(tmp_path)


def test_other_files_beside_the_slices_do_no_harm(tmp_path):
    stack = series(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "a.dcm").rename(tmp_path / "IM0001")  # DICOM from a CD has no ending
    assert np.array_equal(read_dicom_series(tmp_path).array, stack.transpose(2, 1, 0))


@pytest.mark.parametrize("part", [0.1, 0.5, 0.98])
def test_a_slice_that_is_cut_off_is_named(tmp_path, part):
    series(tmp_path)
    content = (tmp_path / "c.dcm").read_bytes()
    (tmp_path / "c.dcm").write_bytes(content[: int(len(content) * part)])
    with pytest.raises(FormatError, match=r"c\.dcm "):
        read_dicom_series(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"not DICOM at all", b"\0" * 128 + b"DICM" + b"\xff" * 40], ids=["empty", "text", "noise"]
)
@pytest.mark.filterwarnings("ignore:End of file reached")
def test_a_dcm_file_that_is_not_dicom_is_named(tmp_path, content):
    series(tmp_path)
    (tmp_path / "e.dcm").write_bytes(content)
    with pytest.raises(FormatError, match=r"e\.dcm "):
        read_dicom_series(tmp_path)


@pytest.mark.parametrize("name", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows"])
def test_a_slice_without_its_place_is_named(tmp_path, name):
    series(tmp_path)
    dicom(tmp_path / "e.dcm", 26, np.zeros((3, 4), np.uint16), **{name: None})
    with pytest.raises(FormatError, match=rf"e\.dcm has no {name}"):
        read_dicom_series(tmp_path)


def test_a_slice_without_pixels_or_series_is_named(tmp_path):
    series(tmp_path)
    dicom(tmp_path / "e.dcm", 26, np.zeros((3, 4), np.uint16), PixelData=None)
    with pytest.raises(FormatError, match=r"e\.dcm cannot be read as DICOM"):
        read_dicom_series(tmp_path)
    dicom(tmp_path / "e.dcm", 26, np.zeros((3, 4), np.uint16), SeriesInstanceUID=None)
    with pytest.raises(FormatError, match=r"e\.dcm has no SeriesInstanceUID"):
        read_dicom_series(tmp_path)


@pytest.mark.parametrize(
    ("tags", "shape", "name"),
    [
        ({}, (5, 4), "Rows"),
        ({}, (3, 7), "Columns"),
        ({"PixelSpacing": [1, 1]}, (3, 4), "PixelSpacing"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, (3, 4), "ImageOrientationPatient"),
    ],
)
def test_slices_of_another_shape_or_direction_form_no_volume(tmp_path, tags, shape, name):
    series(tmp_path)
    dicom(tmp_path / "e.dcm", 26, np.zeros(shape, np.uint16), **tags)
    with pytest.raises(FormatError, match=rf"do not form one volume: {name} is .* in e\.dcm but .* in a\.dcm"):
        read_dicom_series(tmp_path)


def test_several_frames_or_colours_in_a_file_are_refused(tmp_path):
    dicom(tmp_path / "a.dcm", 0, np.zeros((3, 4), np.uint16), NumberOfFrames=2)
    with pytest.raises(FormatError, match=r"a\.dcm holds several frames or colours"):
        read_dicom_series(tmp_path)


def test_two_slices_at_one_place_are_refused_by_name(tmp_path):
    series(tmp_path, places=(0, 6.5, 6.5, 13))
    with pytest.raises(FormatError, match=r"two slices at one place: (b\.dcm and c|c\.dcm and b)\.dcm"):
        read_dicom_series(tmp_path)


def test_a_missing_slice_is_reported_with_its_neighbours(tmp_path):
    series(tmp_path, places=(0, 6.5, 13, 26))
    with pytest.warns(
        UserWarning, match=r"not evenly spaced: mostly 6\.50 mm, but 13\.00 mm between c\.dcm and a\.dcm"
    ) as seen:
        volume = read_dicom_series(tmp_path)
    assert "slices that seem to be missing: 1" in str(seen[0].message)
    assert volume.spacing[2] == pytest.approx(26 / 3)


def test_even_slices_give_no_warning(tmp_path):
    series(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_dicom_series(tmp_path)


# Label maps


def test_a_label_map_of_16_bits_keeps_every_number(tmp_path):
    labels = RNG.integers(0, 2000, (7, 9)).astype(np.uint16)
    Image.fromarray(labels).save(tmp_path / "a.png")
    read = read_label_map(tmp_path / "a.png")
    assert read.dtype == np.int32 and np.array_equal(read, labels)


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_label_maps_of_fewer_bits_and_with_a_palette_read_as_numbers(tmp_path, mode):
    labels = RNG.integers(0, 2, (7, 9)).astype(np.uint8)
    image = Image.fromarray(labels)
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 0, 0])
    if mode == "1":
        image = Image.fromarray(labels.astype(bool))
    image.save(tmp_path / "a.png")
    assert np.array_equal(read_label_map(tmp_path / "a.png"), labels)


def test_what_is_no_label_map_is_refused_by_name(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "colour.png")
    with pytest.raises(FormatError, match=r"colour\.png is no label map"):
        read_label_map(tmp_path / "colour.png")
    whole = tmp_path / "whole.png"
    Image.fromarray(RNG.integers(0, 255, (60, 60)).astype(np.uint16)).save(whole)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:3000])
    with pytest.raises(FormatError, match=r"cut\.png cannot be read as an image"):
        read_label_map(tmp_path / "cut.png")
    with pytest.raises(DataError, match=r"There is no file .*none\.png"):
        read_label_map(tmp_path / "none.png")
