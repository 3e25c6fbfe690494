"""The notebooks in the browser: JupyterLite with Pyodide, and what a classroom without a network
needs.

``python docs/build.py --lite`` adds it to the site. ``python docs/lite.py FOLDER`` fills a folder
with Pyodide and the wheels of its kernel, for ``python docs/build.py --lite local FOLDER``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "https://github.com/tinyae/tinyae/blob/main"
PYODIDE = "0.29.5"
KERNEL = ("micropip", "packaging", "ipython", "comm", "traitlets", "jedi")
CORE = ("pyodide.js", "pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip")
INSTALL = """\
# Install tinyae in this browser tab (nothing is installed on your computer)
%pip install -q tinyae"""
FAST = """

# A browser is slower than installed Python: train for a moment only
import os
os.environ["TINYAE_FAST"] = "1\""""


def build(html: Path, work: Path, local: Path | None) -> None:
    """Write ``html/lite``.

    Args:
        html: the built site.
        work: a folder for what is made on the way.
        local: a folder with Pyodide and wheels; None takes Pyodide from its usual CDN.

    Raises:
        FileNotFoundError: ``local`` does not have Pyodide, or not the wheels of its kernel.
    """
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    write_contents(work / "files")
    wheel = make_wheel(work / "dist")
    settings: dict[str, Any] = {}
    if local:
        copy_pyodide(local, work / "static" / "pyodide")
        settings = {"disablePyPIFallback": True}
    plugin = {"@jupyterlite/pyodide-kernel-extension:kernel": settings}
    config = {"jupyter-config-data": {"appName": "tinyae", "litePluginSettings": plugin}}
    (work / "jupyter-lite.json").write_text(json.dumps({"jupyter-lite-schema-version": 0} | config))
    subprocess.run(
        [sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", work, "--contents",
         work / "files", "--output-dir", html / "lite", "--piplite-wheels", wheel,
         "--apps", "notebooks", "--apps", "tree", "--apps", "repl", "--no-sourcemaps"],
        cwd=work, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def write_contents(folder: Path) -> None:
    """The notebooks of the chapters and of the exercises."""
    from tinyae.course.exercises import NAMES, find
    from tinyae.course.release import student_notebook

    (folder / "chapters").mkdir(parents=True)
    (folder / "exercises").mkdir()
    shutil.copytree(ROOT / "chapters" / "figures", folder / "chapters" / "figures",
                    ignore=shutil.ignore_patterns("*.py", "__pycache__"))  # fmt: skip
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        book = json.loads(path.read_text("utf-8"))
        book["cells"][0]["source"] = (INSTALL + FAST).splitlines(keepends=True)
        for cell in book["cells"]:
            cell["source"] = [line_here(line) for line in cell["source"]]
        write_notebook(folder / "chapters" / path.name, book)
    for exercise in [find(name) for name in NAMES]:
        book = json.loads(student_notebook(exercise, INSTALL))
        write_notebook(folder / "exercises" / f"{exercise.stem}.ipynb", book)


def line_here(line: str) -> str:
    """A line of a chapter, with its links as they are here."""
    line = line.replace("](../chapters/figures/", "](figures/")
    line = line.replace("](../chapters/answers/", f"]({REPOSITORY}/chapters/answers/")
    return re.sub(r"\]\(\.\./chapters/exercises/(\w+)\.py\)", r"](../exercises/\1.ipynb)", line)


def write_notebook(path: Path, book: dict[str, Any]) -> None:
    kernel = {"display_name": "Python (Pyodide)", "language": "python", "name": "python"}
    book["metadata"]["kernelspec"] = kernel
    path.write_text(json.dumps(book, ensure_ascii=False), encoding="utf-8")


def make_wheel(folder: Path) -> Path:
    """A wheel of this tinyae."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT], check=True
    )
    (wheel,) = folder.glob("tinyae-*.whl")
    return wheel


def copy_pyodide(source: Path, target: Path) -> None:
    """Pyodide and all wheels in a folder, with a lock file that lists what is there.

    Raises:
        FileNotFoundError: Pyodide is not there, or a wheel that its kernel needs.
    """
    cores = [path.parent for path in source.rglob("pyodide.asm.wasm")
             if (path.parent / "pyodide.mjs").is_file()]  # fmt: skip
    if not cores:
        raise FileNotFoundError(f"{source} does not have Pyodide: run python docs/lite.py {source}")
    core = min(cores, key=lambda path: len(path.parts))
    target.mkdir(parents=True)
    for name in CORE:
        shutil.copy(core / name, target)
    lock = json.loads((core / "pyodide-lock.json").read_text("utf-8"))
    there: dict[str, dict[str, Any]] = {}
    for wheel in sorted(source.rglob("*.whl")):
        if fits(wheel.name, lock["info"]):
            shutil.copy(wheel, target)
            name = normal(wheel.name.partition("-")[0])
            there[name] = entry(wheel, lock["packages"].get(name))
    for package in there.values():
        package["depends"] = [name for name in package["depends"] if normal(name) in there]
    if missing := [name for name in (*KERNEL, "numpy") if name not in there]:
        raise FileNotFoundError(f"{source} has no wheel of {', '.join(missing)} for Pyodide")
    lock["packages"] = there
    (target / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")


def fits(wheel: str, info: dict[str, str]) -> bool:
    """Whether a wheel is pure Python, or made for this Pyodide."""
    return wheel.endswith("-none-any.whl") or info["abi_version"] in wheel


def entry(wheel: Path, known: dict[str, Any] | None) -> dict[str, Any]:
    """A package in Pyodide's lock file."""
    name, version = wheel.name.split("-")[:2]
    with zipfile.ZipFile(wheel) as archive:
        tops = {path.partition("/")[0].removesuffix(".py") for path in archive.namelist()}
    made = {
        "name": normal(name),
        "imports": sorted(top for top in tops if top.isidentifier()),
        "depends": [],
        "install_dir": "site",
        "package_type": "package",
        "unvendored_tests": False,
    }
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return made | (known or {}) | {"version": version, "file_name": wheel.name, "sha256": sha256}


def normal(name: str) -> str:
    """A package's name as in a lock file: ``Stack_Data`` is ``stack-data``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def prepare(folder: Path) -> None:
    """Fill a folder with Pyodide and the pure wheels that its kernel needs."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", f"pyodide@{PYODIDE}"],
                   cwd=folder, check=True)  # fmt: skip
    lock = json.loads((folder / "node_modules/pyodide/pyodide-lock.json").read_text("utf-8"))
    pins: dict[str, str] = {}
    todo = [*KERNEL]
    while todo:
        name = normal(todo.pop())
        known = lock["packages"].get(name)
        if name not in pins and (not known or known["file_name"].endswith("-none-any.whl")):
            pins[name] = f"{name}=={known['version']}" if known else name
            todo += known["depends"] if known else []
    python = ".".join(lock["info"]["python"].split(".")[:2])
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:",
         "--python-version", python, "-d", folder / "wheels", *pins.values()],
        check=True,
    )  # fmt: skip
    print(f"{folder} is ready but for NumPy and matplotlib: see the page 'In the browser'")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    prepare(parser.parse_args().folder)
