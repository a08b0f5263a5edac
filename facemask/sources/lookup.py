"""Look up the paths of images that a table or an annotation file names."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from facemask.sources.source import harmless


class Lookup:
    """Finds an image by its path relative to a file, or else by its name if that is unique."""

    def __init__(self, paths: Iterable[str]) -> None:
        """Take all paths of a source."""
        self.paths = set(paths)
        self.by_name: dict[str, list[str]] = {}
        for path in self.paths:
            name = PurePosixPath(path).name
            self.by_name.setdefault(name, []).append(path)

    def find(self, file: str, image: str) -> str:
        """Return the path of an image that a file names; empty if it is not in the source.

        A backslash may be part of the name, or stand between folders as on Windows.

        Args:
            file: path of the file that names the image.
            image: the name, relative to the file.
        """
        folder = PurePosixPath(file).parent
        for name in (image, image.replace("\\", "/")):
            path = harmless(name)
            beside = path if folder == PurePosixPath() else str(folder / path)
            if beside in self.paths:
                return beside
        same_name = self.by_name.get(PurePosixPath(path).name, [])
        if len(same_name) == 1:
            return same_name[0]
        return ""
