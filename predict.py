"""Find the faces in photos and say of each whether it wears a mask.

    python predict.py photo.jpg photos/
    python predict.py photos/ --csv > answers.csv
    python predict.py photos/ --save labelled/
    python predict.py --crop face.jpg

Uses the model that `dvc repro` leaves in `models/`, before that the published one in `results/`, or
one named by `--model`. Each face has a row, the largest face first; with `--crop`, each picture is
taken for a crop of one face, as in training. A file that is not an image, or shows no face, is
reported and skipped; the exit status is then 1. Videos and webcams are not read. Needs
`requirements-predict.txt` alone.
"""

import argparse
import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from facemask.errors import UserError, one_line_errors
from facemask.inference import drawing, photos
from facemask.inference.classifier import Classifier, on_all_cores
from facemask.inference.detection import SETTINGS, FaceDetector
from facemask.inference.photos import FaceAnswer
from facemask.sources.names import is_litter, printable
from facemask.store import images

HERE = Path(__file__).parent
TRAINED = HERE / "models/facemask.tflite"
PUBLISHED = HERE / "results/face-mask-12k/facemask.tflite"

GENERATED = "generated"
"""How the description of drawn faces begins, as that of `data/demo.zip` does."""

LONGEST_STEM = 200
"""Bytes kept of a file's name in the name of its picture; file systems allow 255 in all."""

FIELDS = ("file", "label", "probability", "score", "face", "note")
Row = dict[str, Any]


def main() -> int:
    """Run the command; return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # else it is a test's
            stream.reconfigure(errors="backslashreplace")
    options = _parse()
    model = options.model or (TRAINED if TRAINED.exists() else PUBLISHED)
    classifier = Classifier(model)
    files, skipped = _find(options.pictures)
    _count("skipped", skipped)
    if not files:
        raise UserError(f"no image in {', '.join(map(str, options.pictures))}")
    if options.save:
        _make(options.save)
    detector = FaceDetector(options.min_score)
    _introduce(model, classifier)
    refused = Counter[str]()

    def rows(numbered: tuple[int, Path]) -> list[Row]:
        number, file = numbered
        try:
            image = images.open_rgb(file)
        except (images.BadImageError, OSError) as error:
            _say(f"{file}: {_reason(error)}")
            refused[file.suffix.lower()] += 1
            return []
        found = _answer(file, image, classifier, detector, options)
        if options.save:
            picture = drawing.draw(image, [face for face, _ in found], classifier.contract.labels)
            _save(picture, options.save, number, file)
        return [_row(file, face, note) for face, note in found]

    answers = on_all_cores(rows, enumerate(files, 1))
    bar = tqdm(answers, "predict", len(files), unit="image", disable=None, leave=False)
    of_files = list(bar)
    _count("refused", refused)
    _print(options.format, [row for rows in of_files for row in rows])
    return 0 if all(of_files) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Find the faces in photos and say of each whether it wears a mask.",
        epilog="Probabilities are those of the label beside them; below "
        f"{photos.UNSURE} the note says unsure. Videos and webcams are not read.",
    )
    parser.add_argument("pictures", nargs="+", type=Path, help="image files, and folders of them")
    parser.add_argument(
        "--crop", action="store_true", help="the pictures are crops of one face each already"
    )
    parser.add_argument(
        "--model", type=Path, help="default: models/facemask.tflite, or the published one"
    )
    parser.add_argument(
        "--threshold",
        type=probability,
        help="probability from which the second label is given (default: what the model says)",
    )
    parser.add_argument(
        "--min-score",
        type=probability,
        default=SETTINGS["min_score"],
        help="least score of a face (default: %(default)s); a lower one finds more faces, and more "
        "that are none",
    )
    parser.add_argument(
        "--save",
        type=Path,
        metavar="DIR",
        help="write the photos with boxes and labels at the faces",
    )
    formats = parser.add_mutually_exclusive_group()
    for form in ("json", "csv"):
        formats.add_argument(f"--{form}", dest="format", action="store_const", const=form)
    return parser.parse_args()


def probability(text: str) -> float:
    """Return the number between 0 and 1 in a text; argparse names this function when it fails."""
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text}: should be between 0 and 1")
    return value


def _find(arguments: Sequence[Path]) -> tuple[list[Path], Counter[str]]:
    """Return files as they are named and the images in folders; by suffix, what else is there."""
    files, skipped = [], Counter[str]()
    for argument in arguments:
        inside = argument.rglob("*") if argument.is_dir() else ()
        for file in sorted(inside):
            suffix = file.suffix.lower()
            if is_litter(file.relative_to(argument)) or not file.is_file():
                continue
            if suffix not in images.SUFFIXES:
                skipped[suffix or "without suffix"] += 1
            elif drawing.is_saved(file):
                skipped["written by --save"] += 1
            else:
                files.append(file)
        if not argument.is_dir():
            files.append(argument)
    return files, skipped


def _introduce(model: Path, classifier: Classifier) -> None:
    """Say which model answers and what it learned from."""
    described = classifier.contract.data_description
    _say(f"{model} answers, trained on: {described or 'data without a description'}")
    if described.lower().startswith(GENERATED):
        _say(
            "warning: trained on generated faces, its answers say nothing of real ones; "
            f"--model {PUBLISHED} was trained on real ones"
        )


def _answer(
    file: Path,
    image: Image.Image,
    classifier: Classifier,
    detector: FaceDetector,
    options: argparse.Namespace,
) -> list[tuple[FaceAnswer, str]]:
    """Return the faces in a picture, each with a note on its answer."""
    if not options.crop:
        faces = photos.answer(image, classifier, detector, options.threshold)
        if not faces:
            _say(f"{file}: no face found; if it is a crop of one, use --crop")
        return [(face, "unsure" * face.unsure) for face in faces]
    face, share = photos.answer_crop(image, classifier, detector, options.threshold)
    notes = ["unsure"] * face.unsure
    if share < photos.LOOSE:
        notes.append(f"the face fills {share:.0%} of the picture")
        _say(f"{file}: warning: {notes[-1]}; the answer is better without --crop")
    return [(face, "; ".join(notes))]


def _row(file: Path, face: FaceAnswer, note: str) -> Row:
    return {
        "file": str(file),
        "label": face.label,
        "probability": None if face.too_small else face.answer.probability,
        "score": None if face.score is None else round(face.score, 4),
        "face": " ".join(map(str, face.box)),
        "note": note,
    }


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--save {folder}: should be a folder: {_reason(error)}") from error


def _save(picture: Image.Image, folder: Path, number: int, file: Path) -> None:
    stem = os.fsdecode(os.fsencode(file.stem)[:LONGEST_STEM])
    try:
        drawing.save(picture, folder / f"{number:04d}-{stem}.png")
    except OSError as error:
        raise UserError(f"--save {folder}: cannot write there: {_reason(error)}") from error


def _print(form: str | None, rows: list[Row]) -> None:
    if form == "json":
        print(json.dumps(rows, indent=2))
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        _print_table(rows)


def _print_table(rows: list[Row]) -> None:
    shown = [
        row | {"file": printable(row["file"]), "probability": _four_digits(row["probability"])}
        for row in rows
    ]
    lines = [FIELDS, *([str(row[field]) for field in FIELDS] for row in shown)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(map(str.ljust, line, widths)).rstrip())


def _four_digits(number: float | None) -> str:
    return "" if number is None else f"{number:.4f}"


def _count(what: str, suffixes: Counter[str]) -> None:
    """Say how many files were refused or skipped, by suffix."""
    if suffixes:
        counts = ", ".join(f"{number} {suffix}" for suffix, number in suffixes.most_common())
        advice = f"; {images.HEIF_ADVICE}"
        _say(f"{what}: {counts}" + advice * (not images.UNREAD_HEIF.isdisjoint(suffixes)))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _say(text: str) -> None:
    tqdm.write(f"predict: {printable(text)}", file=sys.stderr)


if __name__ == "__main__":
    with one_line_errors("predict"):
        sys.exit(main())
