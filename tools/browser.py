"""Helpers to run the web page in Chromium: a server, and a video in place of the camera."""

import functools
import gzip
import http.server
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from pathlib import Path
from typing import Any, Self

from PIL import Image
from playwright.sync_api import Browser, Playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def camera_options(film: Path) -> tuple[str, ...]:
    """Return options of Chromium that replace the camera by a video; see `film`."""
    capture = f"--use-file-for-fake-video-capture={film}"
    return "--use-fake-device-for-media-stream", capture


def launch(playwright: Playwright, *arguments: str) -> Browser:
    """Start Chromium without its sandbox, which does not work for root in a container."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *arguments])


DAY = 24 * 60 * 60
"""Seconds in a day."""

HTTP_CACHING: dict[str, Mapping[str, str]] = {
    "ten minutes": {"Cache-Control": "max-age=600"},
    "files 60 days old": {"Last-Modified": formatdate(time.time() - 60 * DAY, usegmt=True)},
    "never": {"Cache-Control": "no-store"},
}
"""Headers by the time for which a browser may cache a file.

Without `Cache-Control`, a browser may cache a file for a tenth of its age.
"""


class Server(http.server.ThreadingHTTPServer):
    """Serve the files of a folder, compressed, below the path `Handler.PREFIX`.

    Attributes:
        folder: the served folder; it may be replaced while the server runs.
        headers: further headers of each response; a value of `HTTP_CACHING`.
        sent: compressed size in bytes of each file that was sent, by name.
        page: address of the folder.
    """

    def __init__(
        self, folder: Path, headers: Mapping[str, str] = HTTP_CACHING["ten minutes"]
    ) -> None:
        """Listen on a free port of this computer."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.headers = headers
        self.sent: dict[str, int] = {}
        self.page = f"http://127.0.0.1:{self.server_port}{Handler.PREFIX}"

    def __enter__(self) -> Self:
        """Serve in the background."""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Answer with a file of the server's folder, or with 404.

    If the headers have a fixed `Last-Modified`, a replaced file counts as unmodified.
    """

    PREFIX = "/some/where/"
    server: Server

    def do_GET(self) -> None:  # noqa: N802 (the library's name)
        """Send a compressed file."""
        path = self.path.split("?")[0]
        file = self.server.folder / (path.removeprefix(self.PREFIX) or "index.html")
        if not path.startswith(self.PREFIX) or not file.is_file():
            self.send_error(404)
            return
        modified = self.server.headers.get("Last-Modified")
        if modified and self.headers["If-Modified-Since"] == modified:
            self.send_response(304)
            self.end_headers()
            return
        content = _compressed(file.read_bytes())
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(file)))
        self.send_header("Content-Encoding", "gzip")
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.server.sent[file.name] = len(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
        """Print nothing."""


@functools.cache
def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, 6)


def film(
    path: Path,
    pictures: Sequence[Image.Image],
    width: int,
    height: int,
    frames: int,
    rate: int = 30,
) -> None:
    """Write a video (Y4M) that shows each picture for `frames` frames. Chromium repeats it."""
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for picture in pictures:
            luma, *chroma = picture.resize((width, height)).convert("YCbCr").split()
            planes = [luma, *(plane.resize((width // 2, height // 2)) for plane in chroma)]
            file.write((b"FRAME\n" + b"".join(plane.tobytes() for plane in planes)) * frames)
