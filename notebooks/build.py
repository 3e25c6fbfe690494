"""Build the notebooks and the README's list of chapters from chapters/NN_name.py:

    python notebooks/build.py            # write what has changed
    python notebooks/build.py --check    # write nothing; name what is out of date and exit with 1

A notebook has the cells of its chapter, after one that installs tinyae on Colab, and no outputs.
The same chapter always gives the same text.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import jupytext
import nbformat

from tinyae.course.release import INSTALL

NOTEBOOKS = Path(__file__).resolve().parent
ROOT = NOTEBOOKS.parent
README = ROOT / "README.md"
CHAPTERS = sorted((ROOT / "chapters").glob("[0-9][0-9]*_*.py"))
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
COLAB = "https://colab.research.google.com/github/tinyae/tinyae/blob/main"
BADGE = "![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)"
BEGIN, END = "<!-- chapters -->\n", "<!-- end -->"


def notebook(chapter: Path) -> str:
    """The text of the chapter's notebook. A cell's id is its position, and it keeps its tags."""
    book = jupytext.read(chapter, fmt="py:percent")
    book.metadata = nbformat.from_dict(KERNEL)
    for i, cell in enumerate(book.cells):
        tags = cell.metadata.get("tags")
        cell.id, cell.metadata = f"cell-{i:02d}", nbformat.from_dict({"tags": tags} if tags else {})
        # these folders lie next to the chapter, not next to the notebook
        for folder in ("figures", "exercises", "answers"):
            cell.source = cell.source.replace(f"]({folder}/", f"](../chapters/{folder}/")
    install = nbformat.v4.new_code_cell(INSTALL, id="install")
    book.cells.insert(0, install)
    book.nbformat, book.nbformat_minor = 4, 5
    nbformat.validate(book)
    return nbformat.writes(book) + "\n"


def readme() -> str:
    """The text of the README with an up-to-date list of chapters."""
    rows = ["| | | notebook | |", "|---|---|---|---|"]
    for chapter in CHAPTERS:
        heading = re.search(r"^# # (\d+b?) · (.+)$", chapter.read_text("utf-8"), re.M)
        if not heading:
            raise ValueError(f"{chapter}: no heading, expected a line '# # N · Title'")
        number, title = heading.groups()
        link, book = f"[{number}](chapters/{chapter.name})", f"notebooks/{chapter.stem}.ipynb"
        rows.append(f"| {link} | {title} | [open]({book}) | [{BADGE}]({COLAB}/{book}) |")
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    return before + BEGIN + "\n".join(rows) + "\n" + rest[rest.index(END) :]


def texts() -> dict[Path, str | None]:
    """Each file and the text it should have; None for a notebook that has no chapter."""
    wanted: dict[Path, str | None] = {path: None for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    wanted |= {NOTEBOOKS / f"{chapter.stem}.ipynb": notebook(chapter) for chapter in CHAPTERS}
    return wanted | {README: readme()}


def out_of_date() -> dict[Path, str | None]:
    """The entries of ``texts`` that differ from what is on the disk."""

    def found(path: Path) -> str | None:
        return path.read_text("utf-8") if path.is_file() else None

    return {path: text for path, text in texts().items() if found(path) != text}


def main(argv: list[str] | None = None) -> int:
    """Write the files, or check them; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if a file is out of date"
    )
    check = parser.parse_args(argv).check
    changes = out_of_date()
    for path, text in changes.items():
        name = path.relative_to(ROOT).as_posix()
        if check:
            why = "has no chapter: delete it" if text is None else "is out of date"
            print(f"{name} {why}" + (" (run: python notebooks/build.py)" if text else ""))
        elif text is None:
            print(f"{name} has no chapter: delete it")
        else:
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"wrote {name}")
    return 1 if check and changes else 0


if __name__ == "__main__":
    raise SystemExit(main())
