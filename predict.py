"""Find the faces in photos, and print for each whether it wears a mask.

    python predict.py photo.jpg photos/
    python predict.py photos/ --csv > answers.csv
    python predict.py photos/ --save labelled/
    python predict.py --crop face.jpg

It prints a row for each face, the largest face of a photo first. `--model` names the model. By
default it is the model that `dvc repro` writes to `models/`, or else the published model in
`results/`. `--crop` says that each picture is already a crop of one face. If a picture cannot be
read or shows no face, the command reports it and continues; the exit status is then 1. In a folder,
the command skips files whose suffix is not that of an image; they do not affect the exit status.
Videos and webcams are not supported. The command needs only `requirements-predict.txt`. After
`pip install .` its name is `facemask`.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from io import TextIOWrapper
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from facemask import printing
from facemask.errors import UserError, one_line_errors
from facemask.inference import drawing, photos
from facemask.inference.classifier import Classifier, on_all_cores
from facemask.inference.detection import SETTINGS, FaceDetector
from facemask.printing import Row
from facemask.sources.names import is_litter, printable
from facemask.store import images

HERE = Path(__file__).parent
TRAINED = HERE / "models/facemask.tflite"
PUBLISHED = HERE / "results/published/facemask.tflite"
INSTALLED = HERE / "facemask/published/facemask.tflite"
"""The published model after `pip install`."""

GENERATED = "generated"
"""First word in the description of drawn faces, such as those of `data/demo.zip`."""

LONGEST_STEM = 200
"""The name of a copy contains at most this number of bytes of the photo's name.

File systems allow 255 bytes in a name.
"""

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".rar", ".7z")
VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".3gp", ".mpg", ".mpeg")
ADVICE = {
    **dict.fromkeys(ARCHIVES, "is an archive; unpack it and name the folder"),
    **dict.fromkeys(
        VIDEOS, "is a video; save its frames as photos, for example with ffmpeg -i VIDEO %04d.jpg"
    ),
}
"""What to do with a file, by suffix. The message of `images.BadImageError` advises about HEIC."""


@dataclass
class Job:
    """The files to classify, and what is needed for that.

    Attributes:
        files: the photos, in order.
        refused: number of files so far that cannot be decoded, by suffix.
    """

    options: argparse.Namespace
    classifier: Classifier
    detector: FaceDetector
    files: list[Path]
    refused: Counter[str] = field(default_factory=Counter)


def main() -> None:
    """Run the command; exit with status 0 if every file has an answer, else with 1."""
    with one_line_errors(_program()):
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # tests have streams of another kind
                stream.reconfigure(errors="backslashreplace", line_buffering=True)
        options = _parse()
        sys.exit(_run(options))


def _run(options: argparse.Namespace) -> int:
    """Print a row for each face; return the exit status."""
    files, skipped = _find(options.pictures)
    if not files:
        raise UserError(f"no image in {', '.join(options.pictures)}{_advice(skipped)}")
    if skipped:
        _say(f"skipped: {_counts(skipped)}{_advice(skipped)}")
    if options.save:
        _make_folder(options.save)
    published = PUBLISHED if PUBLISHED.exists() else INSTALLED
    trained = TRAINED if TRAINED.exists() else published
    model = options.model or trained
    classifier = Classifier(model)
    _introduce(model, classifier, published)

    job = Job(
        options=options,
        classifier=classifier,
        detector=FaceDetector(options.min_score),
        files=files,
    )
    answers = on_all_cores(partial(_answer, job), range(len(files)))
    printer = printing.printer(
        options.format,
        files=list(map(str, files)),
        labels=classifier.contract.labels,
    )
    bar = tqdm(
        total=len(files),
        desc="predict",
        unit="image",
        disable=None,
        leave=False,
    )
    answered = 0
    with bar, closing(answers), printer as write:  # closing: Ctrl-C stops before the next file
        for rows in answers:
            answered += bool(rows)
            write(rows)
            bar.update()
    if job.refused and len(files) > 1:
        _say(f"refused: {_counts(job.refused)}")
    return 0 if answered == len(files) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Find the faces in photos, and print for each whether it wears a mask.",
        epilog="The probability is that of the label beside it. If it is "
        f"below {photos.UNSURE}, the note is `unsure`. Videos and webcams are not read.",
    )
    parser.add_argument(
        "pictures",
        nargs="+",
        help="image files, and folders of them",
    )
    parser.add_argument(
        "--crop",
        action="store_true",
        help="each picture is already a crop of one face",
    )
    parser.add_argument(
        "--model",
        type=Path,
        help="default: models/facemask.tflite, or the published one",
    )
    parser.add_argument(
        "--threshold",
        type=probability,
        help="predict the second label if its probability is at least this (default: the model's)",
    )
    parser.add_argument(
        "--min-score",
        type=probability,
        default=SETTINGS["min_score"],
        help="a box with a lower score does not count as a face (default: %(default)s); a smaller "
        "value finds more faces, but also more things that are not faces",
    )
    parser.add_argument(
        "--save",
        type=Path,
        metavar="DIR",
        help="write copies of the photos with a box and a label at each face",
    )
    formats = parser.add_mutually_exclusive_group()
    for name in ("json", "csv"):
        formats.add_argument(
            f"--{name}",
            dest="format",
            action="store_const",
            const=name,
        )
    return parser.parse_args()


def probability(text: str) -> float:
    """Return the number between 0 and 1 in a text.

    If the text is not a number, argparse puts the name of this function into its message.
    """
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text}: should be between 0 and 1")
    return value


def _find(pictures: Sequence[str]) -> tuple[list[Path], Counter[str]]:
    """Return the named files and the images in named folders; count the skipped files by kind."""
    files: list[Path] = []
    skipped = Counter[str]()
    for picture in pictures:
        if not picture:
            raise UserError("an empty name is no file; is a variable of the shell empty?")
        if "://" in picture:
            raise UserError(f"{picture}: is an address; download the photo and name its file")
        path = Path(picture)
        if not path.is_dir():
            files.append(path)
            continue
        for file in sorted(path.rglob("*")):
            if is_litter(file.relative_to(path)) or not file.is_file():
                continue
            if file.suffix.lower() not in images.SUFFIXES:
                skipped[_kind(file)] += 1
            elif drawing.is_saved(file):
                skipped["written by --save"] += 1
            else:
                files.append(file)
    return files, skipped


def _kind(file: Path) -> str:
    return file.suffix.lower() or "without suffix"


def _introduce(model: Path, classifier: Classifier, published: Path) -> None:
    """Print which model answers, and what it was trained on."""
    description = classifier.contract.data_description
    _say(f"using {model}, trained on: {description or 'data without a description'}")
    if description.lower().startswith(GENERATED):
        _say(
            "warning: this model was trained on generated faces, so its answers about real faces "
            f"mean nothing; for real faces use --model {published}"
        )


def _answer(job: Job, number: int) -> list[Row]:
    """Return a row for each face in a file; with `--save`, write a copy with the faces labelled."""
    file = job.files[number]
    try:
        image = images.open_rgb(file)
    except (images.BadImageError, OSError) as error:
        advice = ADVICE.get(_kind(file)) if file.exists() else ""
        _say(f"{file}: {advice or _reason(error)}")
        job.refused[_kind(file)] += 1
        return []
    note = ""
    options = job.options
    if options.crop:
        face, share = photos.answer_crop(image, job.classifier, job.detector, options.threshold)
        faces = [face]
        if share < photos.LOOSE:
            note = f"the face fills {share:.0%} of the picture"
            _say(f"{file}: warning: {note}; the answer is better without --crop")
    else:
        faces = photos.answer(image, job.classifier, job.detector, options.threshold)
        if not faces:
            _say(f"{file}: no face found; if the picture is a crop of a face, use --crop")
    if options.save:
        picture = drawing.draw(image, faces, job.classifier.contract.labels)
        _save(picture, options.save, number + 1, file)
    return [printing.row(file, face, note) for face in faces]


def _advice(suffixes: Iterable[str]) -> str:
    """Return what to do with files of these suffixes, each advice after a semicolon."""
    advice = [f"{suffix} {ADVICE[suffix]}" for suffix in suffixes if suffix in ADVICE]
    if not images.UNREAD_HEIF.isdisjoint(suffixes):
        advice.append(images.HEIF_ADVICE)
    return "".join(f"; {text}" for text in advice)


def _make_folder(folder: Path) -> None:
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


def _counts(suffixes: Counter[str]) -> str:
    return ", ".join(f"{number} {suffix}" for suffix, number in suffixes.most_common())


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _say(text: str) -> None:
    tqdm.write(f"{_program()}: {printable(text)}", file=sys.stderr)


def _program() -> str:
    return Path(sys.argv[0]).stem


if __name__ == "__main__":
    main()
