"""A host for the web page, and a film for Chromium's camera: for tests, speed, screenshots."""

import functools
import gzip
import http.server
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from PIL import Image
from playwright.sync_api import Browser, Playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def camera_options(film: Path) -> tuple[str, ...]:
    """Return options of Chromium that show a film to pages with the permission `camera`."""
    capture = f"--use-file-for-fake-video-capture={film}"
    return "--use-fake-device-for-media-stream", capture


def launch(playwright: Playwright, *arguments: str) -> Browser:
    """Start Chromium without a sandbox, since root, as in a container, has none."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *arguments])


class Server(http.server.ThreadingHTTPServer):
    """Serve a folder under a sub-path, compressed; keep what was asked for, and how long it was."""

    def __init__(self, folder: Path) -> None:
        """Listen on a free port of this computer."""
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
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
    """Answer with a file of the folder, and with nothing outside the sub-path."""

    PREFIX = "/some/where/"
    server: Server

    def do_GET(self) -> None:  # noqa: N802 (the library's name)
        """Send a file, compressed."""
        path = self.path.split("?")[0]
        file = Path(self.directory) / (path.removeprefix(self.PREFIX) or "index.html")
        if not path.startswith(self.PREFIX) or not file.is_file():
            self.send_error(404)
            return
        content = _compressed(file)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(file)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Cache-Control", "max-age=600")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.server.sent[file.name] = len(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
        """Say nothing."""


@functools.cache
def _compressed(file: Path) -> bytes:
    return gzip.compress(file.read_bytes(), 6)


def film(
    path: Path,
    pictures: Sequence[Image.Image],
    width: int,
    height: int,
    frames: int,
    rate: int = 30,
) -> None:
    """Write a film (Y4M) that shows each picture for some frames, in turn; Chromium repeats it."""
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for picture in pictures:
            luma, *chroma = picture.resize((width, height)).convert("YCbCr").split()
            planes = [luma, *(plane.resize((width // 2, height // 2)) for plane in chroma)]
            file.write((b"FRAME\n" + b"".join(plane.tobytes() for plane in planes)) * frames)
