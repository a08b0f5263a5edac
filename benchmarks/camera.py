"""Measure the frames a second of the web page's camera, with and without finding faces.

Run `python -m benchmarks.camera` after `make deploy/web/dist`; it takes two minutes. Chromium runs
without a GPU. Its camera shows a generated face at 640 x 480 pixels and 60 frames a second. Both
ways are measured in turns. It writes the medians and the slowest rounds to `benchmarks/camera.csv`.
"""

import tempfile
import time
from pathlib import Path

import pandas as pd
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from facemask.sources.source import Source
from facemask.store import images, tables
from tools.browser import Server, camera_options, film, launch

DIST = Path("deploy/web/dist")
FACES = Path("data/demo.zip")
SECONDS = 10
ROUNDS = 5
RESULT = Path(__file__).with_suffix(".csv")


def frames_a_second(page: Page, find: bool) -> float:
    """Return the frames a second that the page shows after `SECONDS`."""
    page.locator("#find-faces").set_checked(find)
    time.sleep(SECONDS)
    return float(page.locator("#rate").inner_text().split()[0])


def main() -> None:
    """Measure with and without finding faces, and write the table."""
    entry = next(entry for entry in Source(FACES) if entry.path.endswith(".jpg"))
    scene = Image.new("RGB", (640, 480), "slategrey")
    scene.paste(images.open_rgb(entry.content).resize((240, 240)), (200, 120))
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(DIST) as server,
        sync_playwright() as playwright,
    ):
        face = Path(folder) / "face.y4m"
        film(face, [scene], 640, 480, frames=60, rate=60)
        browser = launch(playwright, "--disable-gpu", *camera_options(face))
        page = browser.new_page(permissions=["camera"])
        page.goto(server.page)
        page.get_by_role("button", name="Start the camera").click()
        page.locator("#rate:not(:empty)").wait_for()
        rows = [
            {"find_faces": find, "frames_a_second": frames_a_second(page, find)}
            for _ in range(ROUNDS)
            for find in (True, False)
        ]
        browser.close()
    rounds = pd.DataFrame(rows).groupby("find_faces")["frames_a_second"]
    result = rounds.agg(["median", "min"]).reset_index()
    tables.write(result, RESULT)
    print(result.to_string(index=False))


if __name__ == "__main__":
    main()
