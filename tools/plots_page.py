"""Make `dvc plots show` work without a network.

Run `python -m tools.plots_page` once in a clone; `make install` does. It writes a page with Vega's
scripts, `.dvc/plots.html`, which Git ignores. It sets this page as template in
`.dvc/config.local`. DVC's own template loads the scripts from a CDN.
"""

from pathlib import Path

import vl_convert
from dvc.repo import Repo

from facemask.files import replacing

FILE = Path(".dvc/plots.html")

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
{refresh_tag}
<title>Plots</title>
<style>table {border-spacing: 15px} img {max-width: 100%}</style>
<script type="module">SCRIPTS</script>
<script>window.vegaEmbed = (...plot) => addEventListener("load", () => embed(...plot))</script>
</head>
<body>
{plot_divs}
</body>
</html>
"""
"""The template. DVC replaces the braces. Calls of vegaEmbed wait until the module is loaded."""


def scripts() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one JavaScript module that defines `embed`."""
    bundle: str = vl_convert.javascript_bundle("window.embed = vegaEmbed;", vl_version="5.20")
    return bundle.replace("</script", "<\\/script")


def main() -> None:
    """Write the page, and set it as template."""
    with Repo() as repository:
        with replacing(Path(repository.root_dir) / FILE) as page:
            page.write_text(PAGE.replace("SCRIPTS", scripts()), encoding="utf-8")
        with repository.config.edit("local") as config:
            config["plots"] = {"html_template": FILE.name}


if __name__ == "__main__":
    main()
