"""Layouts, annotations and tables that people have: read, or named with what to do."""

import json
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.conftest import Run
from tests.helpers import draw, raw_table, set_params

SET = Path("data/set")
LABELS = ("mask", "bare")


@pytest.fixture
def photos(project: Path) -> Path:
    """A project whose source is a folder of twelve photos without labels."""
    set_params(project, {"ingest.source": str(SET)})
    draw(SET / "train", 12, side=48)
    return project


def counts() -> dict[str, Any]:
    return dict(json.loads(Path("details/ingest.json").read_text())["images_of_class"])


def reasons() -> dict[str, int]:
    return dict(json.loads(Path("details/ingest.json").read_text())["quarantined_for"])


def files() -> list[str]:
    return [f"{number}.png" for number in range(12)]


def label_of(file: str) -> str:
    """Label a third as bare."""
    return LABELS[int(Path(file).stem) % 3 == 0]


def coco(above: str = "") -> dict[str, Any]:
    """Return COCO with a box in each image, `above` being the folder in their names."""
    images = [
        {"id": number, "file_name": above + file, "width": 48, "height": 48}
        for number, file in enumerate(files())
    ]
    boxes = [
        {
            "id": 100 + number,
            "image_id": number,
            "category_id": 7 + LABELS.index(label_of(file)),
            "bbox": [4, 4, 36, 40],
        }
        for number, file in enumerate(files())
    ]
    categories = [{"id": 7 + index, "name": name} for index, name in enumerate(LABELS)]
    return {"images": images, "annotations": boxes, "categories": categories}


def boxes_csv() -> str:
    """Return the table of boxes that Roboflow exports for TensorFlow."""
    head = "filename,width,height,class,xmin,ymin,xmax,ymax"
    return "\n".join([head, *(f"{file},48,48,{label_of(file)},4,4,40,44" for file in files())])


def one_hot(space: str = " ") -> str:
    """Return the table of classes that Roboflow exports."""
    rows = [
        f"{file},{space}{int(label_of(file) == 'bare')},{space}{int(label_of(file) == 'mask')}"
        for file in files()
    ]
    return "\n".join([f"filename,{space}bare,{space}mask", *rows])


def listed(head: str, separator: str = ",") -> str:
    return "\n".join([head, *(f"{file}{separator}{label_of(file)}" for file in files())]) + "\n"


YOLO_POLYGON = "{} 0.1 0.1 0.8 0.1 0.9 0.9 0.1 0.8"
YOLO_CONFIDENCE = "{} 0.5 0.5 0.8 0.8 0.93"


def yolo(line: str) -> dict[str, str]:
    names = {
        f"{Path(file).stem}.txt": line.format(LABELS.index(label_of(file))) for file in files()
    }
    return names | {"classes.txt": "\n".join(LABELS)}


@pytest.mark.parametrize(
    ("written", "part"),
    [
        ({"_annotations.coco.json": json.dumps(coco())}, "#1"),
        ({"../annotations/instances.json": json.dumps(coco())}, "#1"),
        ({"../all.json": json.dumps(coco("train/"))}, "#1"),
        ({"../all.json": json.dumps(coco("C:\\photos\\"))}, "#1"),
        ({"_annotations.csv": boxes_csv()}, "#1"),
        ({"_classes.csv": one_hot()}, ""),
        ({"metadata.csv": listed("file_name,label")}, ""),
        ({"labels.csv": listed("path;label", ";")}, ""),
        ({"labels.csv": "\ufeff" + listed("path\tlabel", "\t")}, ""),
        (yolo(YOLO_POLYGON), "#1"),
        (yolo(YOLO_CONFIDENCE), "#1"),
    ],
)
@pytest.mark.usefixtures("photos")
def test_annotations_that_people_have_are_read(
    run: Run, written: Mapping[str, str], part: str
) -> None:
    for name, text in written.items():
        file = SET / "train" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    run("ingest")
    assert counts() == {"bare": 4, "mask": 8}
    labels = raw_table().set_index("path")["label"].to_dict()
    assert labels == {f"train/{file}{part}": label_of(file) for file in files()}


@pytest.mark.usefixtures("photos")
def test_a_polygon_is_cropped_by_its_box(run: Run) -> None:
    for name, text in yolo(YOLO_POLYGON).items():
        (SET / "train" / name).write_text(text)
    run("ingest")
    table = raw_table()
    assert table["width"].between(40, 48).all()
    assert table["height"].between(40, 48).all()


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"bbox": [4, 4, 36]}, "not enough values"),
        ({"bbox": None}, "bbox"),
        ({"bbox": [4, 4, "wide", 40]}, "'wide' should be a number"),
        ({"bbox": [4, 4, 100, 40]}, "empty, or outside of 48 x 48 pixels"),
        ({"category_id": 99}, "99"),
    ],
)
@pytest.mark.usefixtures("photos")
def test_a_bad_box_of_coco_quarantines_its_image_alone(
    run: Run, change: dict[str, Any], detail: str
) -> None:
    values = coco()
    values["annotations"][3] |= change
    (SET / "train/coco.json").write_text(json.dumps(values))
    run("ingest")
    table = pd.read_csv("data/quarantine.csv").query("reason == 'bad annotation'")
    assert [path.partition("#")[0] for path in table["path"]] == ["train/3.png"]
    assert detail in table["detail"].iloc[0] or "NoneType" in table["detail"].iloc[0]
    assert counts() == {"bare": 3, "mask": 8}


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", "{", "[" * 100_000, '{"images": 3, "annotations": [], "categories": []}']
)
@pytest.mark.usefixtures("photos")
def test_other_json_is_passed_over(run: Run, text: str) -> None:
    (SET / "train/other.json").write_text(text)
    (SET / "train/labels.csv").write_text(listed("path,label"))
    run("ingest")
    assert counts() == {"bare": 4, "mask": 8}


CVAT = '<?xml version="1.0"?><annotations><version>1.1</version><image id="0" name="0.png">'
LABELME = '{"version": "5.0", "shapes": [], "imagePath": "0.png"}'


@pytest.mark.parametrize(
    ("name", "text", "advice"),
    [
        (
            "annotations.xml",
            CVAT,
            "is CVAT XML, which is not read: export Pascal VOC, YOLO or COCO",
        ),
        ("0.json", LABELME, "is LabelMe JSON, which is not read: convert it to COCO"),
        ("via.json", '{"a": {"filename": "0.png", "regions": []}}', "is VGG Image Annotator JSON"),
        ("all.json", '[{"result": [{"from_name": "label"}]}]', "is Label Studio JSON"),
        ("0.json", '[{"annotations": [{"label": "a", "coordinates": {}}]}]', "is CreateML JSON"),
        ("metadata.jsonl", '{"file_name": "0.png", "label": 1}', "save it as metadata.csv"),
        ("0.txt", "0 0.5 0.5 0.2 0.2", "without names of the classes: add classes.txt"),
        ("faces.tfrecord", "", "is TFRecord, which is not read: export images"),
        ("faces.parquet", "", "is Parquet, which is not read: export images"),
    ],
)
@pytest.mark.usefixtures("photos")
def test_what_is_not_read_is_named_with_what_to_do(
    complaint: Callable[[str], str], name: str, text: str, advice: str
) -> None:
    (SET / name).write_text(text)
    message = complaint("ingest")
    assert "exactly 2 classes are needed, each a folder of images; found 0; 12 of 12" in message
    assert advice in message


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("faces.parquet", "is Parquet, which is not read: export images"),
        ("faces.h5", "is HDF5 data, which is not read: export images in two folders"),
        ("faces.mat", "is MATLAB data, which is not read: export images"),
        ("faces.npz", "is NumPy data, which is not read: export images"),
        ("faces.tfrecord-00000-of-00002", "is TFRecord, which is not read: export images"),
        ("data-00000-of-00001.arrow", "is Arrow data, which is not read: export images"),
        ("faces.pkl", "is a Python pickle, which is not read: export images"),
        ("film.mp4", "is a video, which is not read: save its frames as images"),
        ("faces.rar", "is an archive, which is not read: unpack it"),
        ("deeper/Mask.zip", "is an archive in a deeper folder, which is not read: unpack it"),
    ],
)
@pytest.mark.usefixtures("photos")
def test_a_source_without_an_image_is_named_with_what_to_do(
    complaint: Callable[[str], str], name: str, advice: str
) -> None:
    shutil.rmtree(SET / "train")
    (SET / name).parent.mkdir(exist_ok=True)
    (SET / name).write_bytes(b"packed")
    message = complaint("ingest")
    assert "ingest.source = 'data/set': none of 1 files is an image to learn from" in message
    assert f"; {name} {advice}" in message


@pytest.mark.usefixtures("photos")
def test_a_table_that_is_not_utf8_gets_advice(complaint: Callable[[str], str]) -> None:
    (SET / "train/labels.csv").write_bytes("path;label\r\n0.png;Maß\r\n".encode("cp1252"))
    message = complaint("ingest")
    assert "train/labels.csv: should be CSV with path,label: is not UTF-8; in Excel" in message


def test_a_table_corrects_class_folders(run: Run, project: Path) -> None:
    table = "path,label\nWithMask/0.png,WithoutMask\nWithoutMask/0.png,WithMask\n"
    (project / "data/faces/labels.csv").write_text(table)
    run("ingest")
    labels = raw_table().set_index("path")["label"]
    assert len(labels) == 20
    assert labels["WithMask/0.png"] == "WithoutMask"
    assert labels["WithoutMask/0.png"] == "WithMask"
    assert (labels == labels.index.str.partition("/").get_level_values(0)).sum() == 18
    (project / "data/faces/labels.csv").write_text("path,label\nWithMask/0.png,WithoutMask\n")
    run("ingest")
    assert counts() == {"WithMask": 9, "WithoutMask": 11}


def test_what_a_table_leaves_out_counts_as_quarantined(
    project: Path, run: Run, complaint: Callable[[str], str]
) -> None:
    table = "path,label\n0.png,cloth\n1.png,surgical\n"
    (project / "data/faces/WithMask/labels.csv").write_text(table)
    message = complaint("ingest")
    assert "0.900 of the files are quarantined, most often as 'not listed'" in message
    set_params(project, {"ingest.max_quarantined_share": 0.9})
    run("ingest")
    assert counts() == {"cloth": 1, "surgical": 1}
    assert reasons() == {"not listed": 18}


def test_classes_that_a_table_does_not_have_are_refused(
    project: Path, complaint: Callable[[str], str]
) -> None:
    table = "path,label\n0.png,cloth\n1.png,surgical\n"
    (project / "data/faces/WithMask/labels.csv").write_text(table)
    set_params(project, {"ingest.max_quarantined_share": 0.9})
    set_params(project, {"ingest.classes": ["WithMask", "WithoutMask"]})
    message = complaint("ingest")
    assert "cloth, surgical" in message
    assert "WithMask, WithoutMask" in message


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("labels", ["0.png,WithMask", "1.png,WithMask", "0.png,WithoutMask"]),
        ("splits", ["0.png,train", "1.png,train", "0.png,val"]),
        ("groups", ["0.png,ann", "1.png,ann", "0.png,bob"]),
    ],
)
@pytest.mark.usefixtures("project")
def test_a_file_listed_twice_with_two_values_names_both_rows(
    run: Run, complaint: Callable[[str], str], name: str, rows: list[str]
) -> None:
    file = Path("data/faces/WithMask") / f"{name}.csv"
    column = name.removesuffix("s")
    file.write_text("\n".join([f"path,{column}", *rows]))
    message = complaint("ingest")
    assert f"WithMask/0.png has {column} " in message
    assert f"in WithMask/{name}.csv, row 2 and " in message
    assert f"in WithMask/{name}.csv, row 4" in message
    Path(f"data/faces/{name}.csv").write_text(f"path,{column}\nWithMask/{rows[2]}\n")
    file.write_text("\n".join([f"path,{column}", *rows[:2], rows[0]]))
    message = complaint("ingest")
    assert f"WithMask/{name}.csv, row 2" in message
    assert f" in {name}.csv, row 2" in message
    Path(f"data/faces/{name}.csv").unlink()
    run("ingest")


def test_one_zip_a_class_is_read(project: Path, run: Run) -> None:
    for label in ("Masked", "Bare"):
        (project / "data/samples").mkdir(exist_ok=True)
        with zipfile.ZipFile(project / f"data/samples/{label}.zip", "w") as packed:
            for file in draw(project / "data/drawn" / label, 5, seed=len(label)):
                packed.write(file, file.name)
    set_params(project, {"ingest.source": "data/samples"})
    for classes in (None, ["Masked", "Bare"]):
        set_params(project, {"ingest.classes": classes})
        run("ingest")
        assert counts() == {"Bare": 5, "Masked": 5}
        assert "Bare/0.png" in set(raw_table()["path"])


def test_a_damaged_zip_in_a_folder_is_one_line(
    project: Path, complaint: Callable[[str], str]
) -> None:
    (project / "data/faces/Third.zip").write_bytes(b"PK\x03\x04 but no more")
    assert "ingest.source = 'data/faces': cannot be read: Third.zip: " in complaint("ingest")


class OldName(zipfile.ZipInfo):
    """A file of a zip whose name is written byte for byte, without saying in which encoding."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802
        return self.filename.encode("cp437"), 0


@pytest.fixture
def old_zip(project: Path) -> Callable[..., None]:
    """Makes the source a zip with two class folders, whose names are in an old encoding."""

    def pack(encoding: str, names: Sequence[str], file: str = "{}.png") -> None:
        path = project / "data/old.zip"
        with zipfile.ZipFile(path, "w") as packed:
            for label, name in zip(("WithMask", "WithoutMask"), names, strict=True):
                for number in range(10):
                    content = (project / f"data/faces/{label}/{number}.png").read_bytes()
                    raw = f"{name}/{file.format(number)}".encode(encoding)
                    packed.writestr(OldName(raw.decode("cp437")), content)
        set_params(project, {"ingest.source": str(path)})

    return pack


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("gbk", ("戴口罩", "未戴口罩")),
        ("gbk", ("是", "否")),
        ("big5", ("有口罩", "沒有口罩")),
        ("cp932", ("マスクあり", "マスクなし")),
        ("cp932", ("マスク", "素顔")),
        ("cp949", ("마스크", "노마스크")),
        ("cp949", ("예", "아니오")),
        ("cp866", ("в маске", "без маски")),
        ("cp866", ("МАСКА", "НЕТ МАСКИ")),
        ("cp1251", ("маска", "нет маски")),
        ("cp1256", ("كمامة", "بدون كمامة")),
        ("cp720", ("كمامة", "بدون كمامة")),
        ("cp737", ("μάσκα", "χωρίς μάσκα")),
        ("cp874", ("สวมหน้ากาก", "ไม่สวมหน้ากาก")),
        ("cp850", ("com máscara", "sem máscara")),
        ("cp850", ("für", "ohne")),
        ("utf-8", ("戴口罩", "未戴口罩")),
        ("cp437", ("Größe", "Maß")),
    ],
)
def test_names_of_a_zip_in_an_old_encoding_are_guessed(
    old_zip: Callable[..., None], run: Run, encoding: str, names: tuple[str, str]
) -> None:
    old_zip(encoding, names)
    run("ingest")
    assert counts() == dict.fromkeys(sorted(names), 10)


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1255", ("מסכה", "בלי מסכה")),
        ("cp852", ("z maską", "bez maski")),
        ("cp857", ("maskesiz", "maskeli kişi")),
    ],
)
def test_class_folders_in_an_encoding_that_is_not_certain_are_refused(
    old_zip: Callable[..., None],
    complaint: Callable[[str], str],
    encoding: str,
    names: tuple[str, str],
) -> None:
    old_zip(encoding, names)
    message = complaint("ingest")
    assert "data/old.zip': cannot be read: the encoding of its folders' names is not" in message
    assert "rename the folders and use the folder above them as the source, or zip it" in message


def test_names_of_files_in_any_encoding_are_read(old_zip: Callable[..., None], run: Run) -> None:
    old_zip("cp1252", ("mask", "bare"), "privé {}.png")
    run("ingest")
    assert counts() == {"bare": 10, "mask": 10}
    assert len(set(raw_table()["path"])) == 20


@pytest.mark.parametrize(
    ("masked", "bare"),
    [
        ("With Mask", "Without Mask"),
        ("mask", "no_mask"),
        ("MASK", "Non-Mask"),
        ("masked", "unmasked"),
        ("Masked", "Unmasked"),
        ("withmask", "nomask"),
    ],
)
def test_an_external_set_with_clear_names_is_read(
    project: Path, run: Run, masked: str, bare: str
) -> None:
    for label, name in (("WithMask", masked), ("WithoutMask", bare)):
        shutil.copytree(project / "data/faces" / label, project / "data/elsewhere" / name)
    set_params(project, {"ingest.external": "data/elsewhere"})
    run("ingest")
    details = json.loads(Path("details/ingest.json").read_text())["external"]
    assert details["external"]["images_of_class"] == {"WithMask": 10, "WithoutMask": 10}


def test_an_external_set_of_one_class_may_have_folders_above_and_below(
    project: Path, run: Run
) -> None:
    draw(project / "data/elsewhere/2024/unmasked/child", 3, seed=5)
    set_params(project, {"ingest.external": "data/elsewhere"})
    run("ingest")
    [measured] = json.loads(Path("details/ingest.json").read_text())["external"].values()
    assert measured["images_of_class"] == {"WithoutMask": 3}


def test_an_external_set_with_other_names_is_one_line(
    project: Path, complaint: Callable[[str], str]
) -> None:
    for label, name in (("WithMask", "covered"), ("WithoutMask", "open")):
        shutil.copytree(project / "data/faces" / label, project / "data/elsewhere" / name)
    set_params(project, {"ingest.external": "data/elsewhere"})
    message = complaint("ingest")
    assert "ingest.external = 'data/elsewhere'" in message
    assert "covered, open" in message
    assert "WithMask, WithoutMask" in message
    assert "ingest.classes" in message
    draw(project / "data/loose", 2)
    set_params(project, {"ingest.external": "data/loose"})
    assert "has no class folder where the classes are called WithMask, " in complaint("ingest")


def test_an_address_that_is_not_the_source_is_named_by_its_own_key(
    project: Path, complaint: Callable[[str], str]
) -> None:
    for key in ("ingest.external", "ingest.photos"):
        set_params(project, {key: "https://example.org/faces.zip"})
        message = complaint("ingest")
        assert f"{key} = 'https://example.org/faces.zip': should be a folder or archive" in message
        set_params(project, {key: None})
