"""Read the files of a version, draw charts, and write the sections of a report."""

import base64
import html
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import vl_convert
from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from PIL import Image

from facemask.files import replacing
from facemask.store import tables
from facemask.store.pixels import Pixels
from stages import paths

PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title><style>
body {{font: 16px/1.5 system-ui, sans-serif; color: #222}}
body {{max-width: 60rem; margin: 0 auto; padding: 1rem}}
div {{overflow-x: auto}} table {{border-collapse: collapse}} svg {{max-width: 100%; height: auto}}
th, td {{padding: .2rem .7rem; text-align: left; border-bottom: 1px solid #ddd}}
h1 {{line-height: 1.2}}
.better {{background: #e3f4e3}} .worse {{background: #fbe3e0}}
@media (max-width: 30rem) {{table {{font-size: .75rem}} th, td {{padding: .2rem .15rem}}}}
figure {{display: inline-block; width: 7rem; margin: 0 .5rem .5rem 0; vertical-align: top}}
figure img {{width: 100%}} figcaption {{font-size: .75rem; overflow-wrap: anywhere}}
</style>{body}</html>
"""


@dataclass(frozen=True)
class Section:
    """A part of the report. `figures` is HTML, which only `report.html` has."""

    title: str
    text: str = ""
    table: pd.DataFrame | None = None
    figures: str = ""


class Version:
    """The files of the workspace or of a revision."""

    def __init__(self, revision: str | None) -> None:
        """Take a revision of Git; None is the workspace."""
        self.files = DVCFileSystem(rev=revision) if revision else None

    def read(self, path: str | Path) -> bytes | None:
        """Return a file's content; None if the workspace, the cache and the remotes lack it."""
        try:
            return self.files.read_bytes(str(path)) if self.files else Path(path).read_bytes()
        except (OSError, DvcException):
            return None

    def table(self, path: Path) -> pd.DataFrame | None:
        """Return a CSV table, or None."""
        content = self.read(path)
        return None if content is None else pd.read_csv(io.BytesIO(content))

    def images(self, path: Path) -> pd.DataFrame | None:
        """Return a table of images as `tables.read` does, or None."""
        content = self.read(path)
        return None if content is None else tables.read(io.BytesIO(content))  # type: ignore[arg-type]


def chart(table: pd.DataFrame, x: str, y: str) -> str:
    """Draw the column `y` of both versions over the column `x`, as SVG.

    TFLite variants are points; epochs are joined by a line.
    """
    color = {
        "field": "version",
        "scale": {"domain": ["before", "now"], "range": ["#999", "#d4481e"]},
    }
    axes = {
        name: {"field": field, "type": "quantitative", "scale": {"zero": False}, "axis": axis}
        for name, field, axis in (("x", x, {"tickMinStep": 1}), ("y", y, {}))
    }
    encoding: dict[str, Any] = {**axes, "color": color}
    mark: dict[str, Any] = {"type": "line", "point": True}
    if "variant" in table:
        encoding["shape"] = {"field": "variant", "type": "nominal"}  # the names would overlap
        mark = {"type": "point", "size": 80}
    spec: dict[str, Any] = {
        "data": {"values": json.loads(table.to_json(orient="records"))},
        "mark": mark,
        "encoding": encoding,
        "width": 340,
        "height": 200,
    }
    return str(vl_convert.vegalite_to_svg(spec, vl_version="5.20"))


def figure(row: dict[Any, Any]) -> str:
    """Return an image with its label and both probabilities, as HTML."""
    is_external = row["split"] not in tables.SUBSETS
    pixels = Pixels(paths.RESIZED_EXTERNAL if is_external else paths.RESIZED)
    [image] = pixels[[row["row"]]]
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG")
    picture = base64.b64encode(content.getvalue()).decode()
    change = f"{row['probability_old']:.2f} → {row['probability_new']:.2f}"
    words = f"{row['path']} is {row['label']}; probability {change}"
    return (
        f'<figure><img alt="" src="data:image/png;base64,{picture}">'
        f"<figcaption>{html.escape(words)}</figcaption></figure>"
    )


def write(title: str, sections: list[Section]) -> None:
    """Write `report.md` and `report.html` completely, or not at all."""
    marked = [f"# {title}"]
    tagged = [f"<h1>{html.escape(title)}</h1>"]
    for section in sections:
        rows = section.table if section.table is not None else pd.DataFrame()
        markdown_table = "" if rows.empty else rows.to_markdown(index=False)
        marked += [f"## {section.title}", section.text, markdown_table]
        table = "" if rows.empty else rows.to_html(index=False, border=0)
        for word in ("better", "worse"):
            table = table.replace(f"<td>{word}", f'<td class="{word}">{word}')
        tagged.append(f"<h2>{html.escape(section.title)}</h2><p>{html.escape(section.text)}</p>")
        tagged.append(f"<div>{table}</div>{section.figures}")
    body = "".join(tagged)
    with replacing(Path("report.md")) as markdown, replacing(Path("report.html")) as page:
        markdown.write_text("\n\n".join(filter(None, marked)) + "\n", encoding="utf-8")
        page.write_text(PAGE.format(title=html.escape(title), body=body), encoding="utf-8")
