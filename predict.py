"""Say of each picture whether the face in it wears a mask.

    python predict.py photo.jpg photos/
    python predict.py photos/ --csv > answers.csv
    python predict.py photos/ --save labelled/
    python predict.py --detect party.jpg

Uses the model that `dvc repro` leaves in `models/`, before that the published one in `results/`, or
one named by `--model`. The picture should be a crop of one face, as in training; with `--detect`,
faces are found first and each has a row. A file that is no image, or shows no face, is reported and
skipped; the exit status is then 1. Needs `requirements-predict.txt` alone.
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from facemask import images, pictures
from facemask.errors import UserError, one_line_errors
from facemask.inference.classifier import Answer, Classifier, on_all_cores
from facemask.inference.detection import FaceDetector, whole

HERE = Path(__file__).parent
TRAINED = HERE / "models/facemask.tflite"
PUBLISHED = HERE / "results/face-mask-12k/facemask.tflite"


def main() -> int:
    """Run the command; return its exit status."""
    options = _parse()
    classifier = Classifier(options.model or (TRAINED if TRAINED.exists() else PUBLISHED))
    files = list(_expand(options.pictures))
    if not files:
        raise UserError(f"no image in {', '.join(map(str, options.pictures))}")
    detector = FaceDetector() if options.detect else None

    def answer(numbered: tuple[int, Path]) -> list[dict[str, Any]]:
        number, file = numbered
        try:
            image = images.open_rgb(file)
        except (images.BadImageError, OSError) as error:
            tqdm.write(f"predict: {file}: {error}", file=sys.stderr)
            return []
        faces = detector.find(image) if detector else [whole(image)]
        if not faces:
            tqdm.write(f"predict: {file}: no face found; try without --detect", file=sys.stderr)
        rows = []
        for face in faces:
            part = image.crop(face.box)
            said = classifier.classify(part, options.threshold)
            place = {"face": " ".join(map(str, face.box))} if detector else {}
            rows.append({"file": str(file), **said._asdict(), **place})
            if options.save:
                of_face = f"-{len(rows)}" if detector else ""
                _save(part, said, options.save / f"{number:04d}-{file.stem}{of_face}.png")
        return rows

    answers = on_all_cores(answer, enumerate(files, 1))
    bar = tqdm(answers, desc="predict", total=len(files), unit="image", disable=None, leave=False)
    of_files = list(bar)
    rows = [row for rows in of_files for row in rows]
    {"table": _print_table, "json": _print_json, "csv": _print_csv}[options.format](rows)
    return 0 if all(of_files) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Say of each picture whether the face in it wears a mask.",
        epilog="Probabilities are those of the label beside them.",
    )
    parser.add_argument("pictures", nargs="+", type=Path, help="image files, and folders of them")
    parser.add_argument(
        "--model", type=Path, help="default: models/facemask.tflite, or the published one"
    )
    parser.add_argument(
        "--threshold",
        type=probability,
        help="probability from which the second label is given (default: what the model says)",
    )
    parser.add_argument(
        "--detect",
        action="store_true",
        help="find the faces in each picture (left, top, right, bottom in pixels), classify each",
    )
    parser.add_argument(
        "--save", type=Path, metavar="DIR", help="write the pictures with their label"
    )
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument(
        "--json", dest="format", action="store_const", const="json", default="table"
    )
    formats.add_argument("--csv", dest="format", action="store_const", const="csv")
    return parser.parse_args()


def probability(text: str) -> float:
    """Read a number between 0 and 1; argparse names this function when it fails."""
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text}: should be between 0 and 1")
    return value


def _expand(arguments: Sequence[Path]) -> Iterator[Path]:
    """Give files as they are named, and of folders all files whose ending is that of an image."""
    for argument in arguments:
        if not argument.is_dir():
            yield argument
            continue
        found = (file for file in sorted(argument.rglob("*")) if file.is_file())
        yield from (file for file in found if file.suffix.lower() in images.SUFFIXES)


def _save(image: Image.Image, answer: Answer, path: Path) -> None:
    picture = pictures.captioned(image, [f"{answer.label} {answer.probability:.3f}"])
    pictures.write(picture, path)


def _print_table(rows: list[dict[str, Any]]) -> None:
    files = max([len("file"), *(len(row["file"]) for row in rows)])
    labels = max([len("label"), *(len(row["label"]) for row in rows)])
    faces = any("face" in row for row in rows)
    print(f"{'file':<{files}}  {'label':<{labels}}  probability" + "  face" * faces)
    for row in rows:
        line = f"{row['file']:<{files}}  {row['label']:<{labels}}  {row['probability']:11.4f}"
        print(f"{line}  {row['face']}" if faces else line)


def _print_json(rows: list[dict[str, Any]]) -> None:
    print(json.dumps(rows, indent=2))


def _print_csv(rows: list[dict[str, Any]]) -> None:
    fields = dict.fromkeys(("file", *Answer._fields, *(rows[0] if rows else ())))
    writer = csv.DictWriter(sys.stdout, list(fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


if __name__ == "__main__":
    with one_line_errors("predict"):
        sys.exit(main())
