"""Make notebooks/NN_name.ipynb, without outputs, and the README's list of chapters from chapters/NN_name.py:

python notebooks/build.py
"""

import re
from pathlib import Path

import jupytext
import nbformat

NOTEBOOKS = Path(__file__).parent
README = NOTEBOOKS.parent / "README.md"
CHAPTERS = sorted((NOTEBOOKS.parent / "chapters").glob("[0-9][0-9]_*.py"))
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook(chapter: Path) -> str:
    """The chapter as the text of a notebook. The same source always gives the same text: a cell's id is its number."""
    book = jupytext.read(chapter, fmt="py:percent")
    book.metadata = nbformat.from_dict(KERNEL)
    for i, cell in enumerate(book.cells):
        cell.id, cell.metadata = f"cell-{i:02d}", nbformat.from_dict({})
    book.nbformat, book.nbformat_minor = 4, 5
    nbformat.validate(book)
    return nbformat.writes(book) + "\n"


def readme() -> str:
    """The README with its list of chapters as they are now."""
    rows = ["| | | notebook |", "|---|---|---|"]
    for chapter in CHAPTERS:
        number, title = re.search(r"^# # (\d+) · (.+)$", chapter.read_text("utf-8"), re.M).groups()
        rows.append(
            f"| [{number}](chapters/{chapter.name}) | {title} | [open](notebooks/{chapter.stem}.ipynb) |"
        )
    before, _, rest = README.read_text("utf-8").partition("<!-- chapters -->\n")
    return (
        before + "<!-- chapters -->\n" + "\n".join(rows) + "\n" + rest[rest.index("<!-- end -->") :]
    )


if __name__ == "__main__":
    for chapter in CHAPTERS:
        path = NOTEBOOKS / f"{chapter.stem}.ipynb"
        path.write_text(notebook(chapter), encoding="utf-8")
        print(path)
    README.write_text(readme(), encoding="utf-8")
