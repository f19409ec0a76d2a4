"""Boxes from VOC and COCO files: the same numbers in one form, and degenerate ones named."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.ops import box_convert

from medtutor.data import read_coco, read_voc
from medtutor.data.boxes import degenerate
from medtutor.errors import DataError, FormatError

CLASSES = ("RBC", "WBC")
CELL = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"


def voc(path: Path, *cells) -> Path:
    size = "<size><width>100</width><height>50</height><depth>3</depth></size>"
    path.write_text(f"<annotation>{size}{''.join(CELL.format(*cell) for cell in cells)}</annotation>")
    return path


def coco(path: Path, boxes, **changes) -> Path:
    """`boxes`: (image id, category id, bbox)."""
    table = {
        "categories": [{"id": 1, "name": "Right Lung"}, {"id": 7, "name": "Left Lung"}],
        "images": [{"id": 3, "file_name": "a.jpg"}, {"id": 4, "file_name": "b.jpg"}],
        "annotations": [{"image_id": i, "category_id": c, "bbox": box} for i, c, box in boxes],
    }
    path.write_text(json.dumps(table | changes))
    return path


def test_voc_boxes_come_as_corners_in_pixels_with_class_indices(tmp_path):
    boxes, labels = read_voc(voc(tmp_path / "a.xml", ("WBC", 1, 2, 30, 40), ("RBC", 50, 0, 100, 50)), CLASSES)
    assert boxes.dtype == np.float32 and boxes.tolist() == [[1, 2, 30, 40], [50, 0, 100, 50]]
    assert labels.dtype == np.int64 and labels.tolist() == [1, 0]


def test_an_image_without_boxes_has_none(tmp_path):
    boxes, labels = read_voc(voc(tmp_path / "a.xml"), CLASSES)
    assert boxes.shape == (0, 4) and labels.shape == (0,)


def test_degenerate_voc_boxes_are_left_out_with_their_names(tmp_path):
    path = voc(tmp_path / "a.xml", ("RBC", 5, 5, 5, 5), ("WBC", 1, 2, 30, 40), ("WBC", 9, 9, 20, 9))
    with pytest.warns(UserWarning, match=r"a\.xml: left out 2 of 3 boxes.*RBC \[5.0, 5.0, 5.0, 5.0\]; WBC \[9.0"):
        boxes, labels = read_voc(path, CLASSES)
    assert boxes.tolist() == [[1, 2, 30, 40]] and labels.tolist() == [1]


def test_degenerate_boxes_stay_on_request(tmp_path):
    path = voc(tmp_path / "a.xml", ("RBC", 5, 5, 5, 5), ("WBC", 1, 2, 30, 40))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        boxes, labels = read_voc(path, CLASSES, clean=False)
    assert degenerate(boxes).tolist() == [True, False] and labels.tolist() == [0, 1]


@pytest.mark.parametrize("box", [(0, 0, 101, 20), (0, 0, 20, 51), (-1, 0, 20, 20)], ids=str)
def test_a_box_outside_its_image_is_refused(tmp_path, box):
    with pytest.raises(DataError, match="the RBC box .* lies outside the image of 100 x 50 pixels"):
        read_voc(voc(tmp_path / "a.xml", ("RBC", *box)), CLASSES)


def test_a_class_that_is_not_on_the_card_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a\.xml: the class 'Platelets' is not among RBC, WBC"):
        read_voc(voc(tmp_path / "a.xml", ("Platelets", 1, 2, 3, 4)), CLASSES)


@pytest.mark.parametrize(
    "text",
    [
        "<annotation><size>",
        "hello",
        "",
        "<annotation></annotation>",
        "<a><size><width>x</width><height>5</height></size></a>",
    ],
)
def test_what_is_no_voc_annotation_is_refused_by_name(tmp_path, text):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(FormatError, match=r"a\.xml is no Pascal VOC annotation"):
        read_voc(tmp_path / "a.xml", CLASSES)


def test_a_voc_object_without_a_box_is_refused(tmp_path):
    path = voc(tmp_path / "a.xml", ("RBC", 1, 2, 3, 4))
    path.write_text(path.read_text().replace("<xmax>3</xmax>", ""))
    with pytest.raises(FormatError, match="no Pascal VOC annotation"):
        read_voc(path, CLASSES)


def test_files_that_are_missing_or_no_text_are_named(tmp_path):
    with pytest.raises(DataError, match=r"There is no file .*none\.xml"):
        read_voc(tmp_path / "none.xml", CLASSES)
    with pytest.raises(DataError, match=r"There is no file .*none\.json"):
        read_coco(tmp_path / "none.json")
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="is not a text file"):
        read_coco(tmp_path / "a.json")


def test_coco_boxes_agree_with_torchvisions_conversion(tmp_path):
    given = [[10, 20, 30.5, 5], [0, 0, 1, 2]]
    read = read_coco(coco(tmp_path / "a.json", [(3, 1, given[0]), (3, 7, given[1])]))
    boxes, names = read["a.jpg"]
    assert np.allclose(boxes, box_convert(torch.tensor(given), "xywh", "xyxy"))
    assert boxes.dtype == np.float32 and names == ("Right Lung", "Left Lung")
    assert read["b.jpg"][0].shape == (0, 4) and read["b.jpg"][1] == ()


def test_degenerate_coco_boxes_are_left_out_with_the_image_named(tmp_path):
    path = coco(tmp_path / "a.json", [(3, 1, [1, 1, 0, 5]), (3, 7, [1, 1, 2, 2]), (4, 1, [1, 1, 2, 2])])
    with pytest.warns(UserWarning, match=r"a\.json, a\.jpg: left out 1 of 2 boxes.*Right Lung \[1.0, 1.0, 1.0, 6.0\]"):
        read = read_coco(path)
    assert [len(boxes) for boxes, _ in read.values()] == [1, 1]
    assert read["a.jpg"][1] == ("Left Lung",)
    assert [len(boxes) for boxes, _ in read_coco(path, clean=False).values()] == [2, 1]


@pytest.mark.parametrize(
    ("boxes", "changes", "match"),
    [
        ([(9, 1, [1, 1, 2, 2])], {}, "no whole COCO annotation: 9 is missing"),
        ([(3, 2, [1, 1, 2, 2])], {}, "no whole COCO annotation: 2 is missing"),
        ([(3, 1, [1, 1, 2])], {}, "no COCO annotation"),
        ([(3, 1, None)], {}, "no COCO annotation"),
        ([], {"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "a.jpg"}]}, "names an image twice"),
        ([], {"categories": None}, "no COCO annotation"),
    ],
)
def test_a_coco_file_that_refers_to_nothing_is_refused(tmp_path, boxes, changes, match):
    with pytest.raises(FormatError, match=match):
        read_coco(coco(tmp_path / "a.json", boxes, **changes))


@pytest.mark.parametrize(
    ("text", "match"), [("{", "COCO annotation"), ("{}", "'categories' is missing"), ("[]", "COCO annotation")]
)
def test_what_is_no_coco_annotation_is_refused_by_name(tmp_path, text, match):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(FormatError, match=rf"a\.json is no.*{match}"):
        read_coco(tmp_path / "a.json")


def test_the_real_lung_boxes_are_two_an_image_on_the_patients_sides(real_data):
    read = read_coco(real_data / "covid_cxr" / "lung_boxes_coco.json")
    assert len(read) == 198
    for boxes, names in read.values():
        assert sorted(names) == ["Left Lung", "Right Lung"]
        # A frontal X-ray shows the patient's right on the left of the picture.
        assert boxes[names.index("Right Lung"), 0] < boxes[names.index("Left Lung"), 0]
