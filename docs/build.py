"""Build the site: ``python docs/build.py``. The result is ``docs/_build/html/index.html``.

It needs ``pip install -e ".[docs]"``. The built site asks no other host for anything, so it works
from a file system without a network. ``--lite`` adds the notebooks in the browser. Steps:

1. the chapters become notebooks, which are run in their fast mode (outputs are kept until a
   chapter or tinyae changes); the committed figures of full runs take the place of the fast ones;
2. pages that are made from the code: the hints of the checker, the exercises;
3. Sphinx.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pages  # docs/pages.py
from pages import REPOSITORY, run_link

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
BUILD = DOCS / "_build"
SOURCE = BUILD / "source"
CACHE = BUILD / "outputs"
HTML = BUILD / "html"
FIGURES = ROOT / "chapters" / "figures"


def main(argv: list[str] | None = None) -> int:
    """Build everything; returns the exit code of Sphinx."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--no-run", action="store_true", help="do not run the chapters: pages without outputs"
    )
    parser.add_argument(
        "--lite",
        nargs="*",
        metavar="local FOLDER",
        help="add the notebooks in the browser (pip install -e '.[lite]'). Pyodide comes from its "
        "usual CDN; with 'local FOLDER', from a folder that docs/lite.py made",
    )
    arguments = parser.parse_args(argv)
    with_lite = arguments.lite is not None
    if arguments.lite and (len(arguments.lite) != 2 or arguments.lite[0] != "local"):
        parser.error("--lite takes nothing, or: local FOLDER")
    started = time.perf_counter()
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.rmtree(HTML, ignore_errors=True)
    shutil.copytree(DOCS, SOURCE, ignore=shutil.ignore_patterns("_build", "__pycache__"))
    chapters = sorted((ROOT / "chapters").glob("[0-9][0-9]*_*.py"))
    (SOURCE / "chapters").mkdir()
    with ThreadPoolExecutor(2) as pool:
        books = list(
            pool.map(lambda path: chapter(path, not arguments.no_run, with_lite), chapters)
        )
    for path, book in zip(chapters, books, strict=True):
        (SOURCE / "chapters" / f"{path.stem}.ipynb").write_text(json.dumps(book), encoding="utf-8")
    (SOURCE / "chapters.md").write_text(pages.contents(chapters), encoding="utf-8")
    (SOURCE / "hints.md").write_text(kept("hints", pages.hints), encoding="utf-8")
    (SOURCE / "exercises.md").write_text(pages.exercises(with_lite), encoding="utf-8")
    (SOURCE / "reference" / "benchmarks.md").write_text(pages.benchmarks(), encoding="utf-8")
    (SOURCE / "changelog.md").write_text((ROOT / "CHANGELOG.md").read_text("utf-8"), "utf-8")
    shutil.copytree(FIGURES, SOURCE / "chapters" / "figures")
    front = (SOURCE / "index.md").read_text("utf-8")
    (SOURCE / "index.md").write_text(front.replace("{report}", pages.front_report(front)), "utf-8")
    latent_plane(SOURCE / "_static" / "latent_plane_model.js")
    copy_mathjax(SOURCE / "_static" / "mathjax")
    print(f"sources ready after {time.perf_counter() - started:.0f} s")
    code = subprocess.call(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-j", "2", "-b", "html",
         "-d", str(BUILD / "doctrees"), str(SOURCE), str(HTML)]
    )  # fmt: skip
    if with_lite:
        sys.path.insert(0, str(DOCS))
        import lite

        lite.build(HTML, BUILD / "lite", Path(arguments.lite[1]) if arguments.lite else None)
    print(f"{HTML / 'index.html'} after {time.perf_counter() - started:.0f} s")
    return code


def chapter(path: Path, run: bool, with_lite: bool = False) -> dict[str, Any]:
    """A chapter as a notebook with outputs. Cells with the tag hide-input are folded."""
    import jupytext

    book = jupytext.read(path, fmt="py:percent")
    for i, cell in enumerate(book.cells):
        cell.id = f"cell-{i:02d}"
        for folder in ("exercises", "answers"):
            cell.source = cell.source.replace(f"]({folder}/", f"]({REPOSITORY}/chapters/{folder}/")
    book.metadata = type(book.metadata)(
        {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    )
    if run:
        book = with_outputs(path, book)
    use_committed_figures(book)
    links = (
        f"*[Source]({REPOSITORY}/chapters/{path.name}) · "
        f"[notebook]({REPOSITORY}/notebooks/{path.stem}.ipynb)"
        f"{' · ' + run_link('../', f'chapters/{path.stem}.ipynb') if with_lite else ''}*"
    )
    heading, _, rest = book.cells[0].source.partition("\n")
    book.cells[0].source = f"{heading}\n\n{links}\n{rest}"
    return json.loads(jupytext.writes(book, fmt="ipynb"))


def key_of(content: bytes) -> str:
    """Changes with the content, and with tinyae."""
    key = hashlib.sha256(content)
    for module in sorted((ROOT / "tinyae").rglob("*.py")):
        key.update(module.read_bytes())
    return key.hexdigest()[:16]


def kept(name: str, make: Callable[[], str]) -> str:
    """A page that takes some seconds to make, kept until ``pages.py`` or tinyae changes."""
    path = CACHE / f"{name}-{key_of(Path(pages.__file__).read_bytes())}.md"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), encoding="utf-8")
    return path.read_text("utf-8")


def with_outputs(path: Path, book: Any) -> Any:
    """The notebook with the outputs of a fast run, kept in a cache."""
    import jupytext
    import nbformat
    from nbclient import NotebookClient

    kept = CACHE / f"{path.stem}-{key_of(path.read_bytes())}.ipynb"
    if not kept.exists():
        os.environ.update(TINYAE_FAST="1", OPENBLAS_NUM_THREADS="1")
        started = time.perf_counter()
        NotebookClient(
            book,
            timeout=600,
            resources={"metadata": {"path": str(path.parent)}},
            extra_arguments=["--IPKernelApp.log_level=ERROR"],  # not: "running over TCP"
        ).execute()
        print(f"ran {path.name} in {time.perf_counter() - started:.0f} s", flush=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        kept.write_text(jupytext.writes(book, fmt="ipynb"), encoding="utf-8")
    return nbformat.read(kept, 4)


def use_committed_figures(book: Any) -> None:
    """Show the figures of the full run on real data in place of those of the fast run."""
    for cell in book.cells:
        if cell.cell_type != "code":
            continue
        names = re.findall(r'show\((?:[^"]*?)f?"([\w{}.]+)"', cell.source, re.S)
        files = [FIGURES / f"{name.replace('{data.name}', 'mnist')}.png" for name in names]
        files = [file for file in files if file.is_file()]
        images = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
        others = [o for o in cell.get("outputs", []) if o not in images]
        if files:
            others = [o for o in others if not is_figure_path(o)]
            cell.outputs = others + [png_output(file) for file in files]


def is_figure_path(output: Any) -> bool:
    """An output that only shows the name of an axis or a path, as in <Axes: >."""
    text = "".join(output.get("data", {}).get("text/plain", "")) + output.get("text", "")
    return text.startswith(("<Axes", "[<", "array([<", "<Figure"))


def png_output(path: Path) -> Any:
    import nbformat

    data = base64.b64encode(path.read_bytes()).decode()
    return nbformat.v4.new_output("display_data", {"image/png": data, "text/plain": path.stem})


def latent_plane(path: Path) -> None:
    """The trained model of the interactive page, kept in the cache."""
    sys.path.insert(0, str(DOCS))
    import plane

    key = hashlib.sha256(Path(plane.__file__).read_bytes()).hexdigest()[:16]
    kept = CACHE / f"plane-{key}.js"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        plane.write(kept)
    shutil.copy(kept, path)


def copy_mathjax(folder: Path) -> None:
    """MathJax from the package sphinx-mathjax-offline: the one file that the site uses."""
    package = importlib.metadata.distribution("sphinx-mathjax-offline")
    (file,) = [f for f in package.files or () if f.name == "tex-svg-full.js"]
    folder.mkdir(parents=True)
    shutil.copy(str(package.locate_file(file)), folder)


if __name__ == "__main__":
    raise SystemExit(main())
