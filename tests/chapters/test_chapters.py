"""Each chapter runs, as a script and as a notebook, and the notebooks are what their sources
say."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jupytext", reason="notebooks are made with jupytext: pip install '.[test]'")
nbclient = pytest.importorskip(
    "nbclient", reason="notebooks are run with nbclient: pip install '.[test]'"
)

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "chapters").glob("[0-9][0-9]*_*.py"))
LIMIT = 120  # seconds; a chapter in fast mode takes a few, a busy machine more

spec = importlib.util.spec_from_file_location("build_notebooks", ROOT / "notebooks" / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)

each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)


@pytest.fixture
def fast(monkeypatch):
    """The environment of a fast run on data that need no download."""
    monkeypatch.setenv("TINYAE_FAST", "1")
    for name in ("TINYAE_CHAPTER_DATA", "TINYAE_DATA"):
        monkeypatch.delenv(name, raising=False)


def test_there_are_chapters():
    assert len(CHAPTERS) >= 2


@each_chapter
def test_runs_as_a_script_from_anywhere(chapter, fast, tmp_path):
    figures = {path: path.stat().st_mtime_ns for path in (ROOT / "chapters" / "figures").glob("*")}
    run = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", chapter],
        cwd=tmp_path,
        text=True,
        encoding="utf-8",
        capture_output=True,
        timeout=LIMIT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert run.returncode == 0, run.stderr
    assert "nan" not in run.stdout.lower().split()
    assert not list(tmp_path.iterdir()), "a fast run leaves nothing behind"
    assert figures == {
        path: path.stat().st_mtime_ns for path in (ROOT / "chapters" / "figures").glob("*")
    }


@each_chapter
def test_runs_as_a_notebook_and_shows_its_figures(chapter, fast, tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel chooses its own, inline
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    (tmp_path / "work").mkdir()
    book = build.nbformat.reads(build.notebook(chapter), as_version=4)
    nbclient.NotebookClient(
        book,
        timeout=LIMIT,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path / "work")}},
    ).execute()
    pictures = sum(
        "image/png" in output.get("data", {})
        for cell in book.cells
        for output in cell.get("outputs", [])
    )
    assert pictures == sum(
        line.startswith(("show(", "    show(")) for line in chapter.read_text("utf-8").splitlines()
    )
    assert not list((tmp_path / "work").iterdir()), "a notebook writes no figures"


@each_chapter
def test_notebook_is_in_step_with_its_source(chapter):
    path = ROOT / "notebooks" / f"{chapter.stem}.ipynb"
    assert path.is_file(), "run: python notebooks/build.py"
    assert path.read_text("utf-8") == build.notebook(chapter), "run: python notebooks/build.py"


def test_readme_lists_the_chapters():
    assert build.README.read_text("utf-8") == build.readme(), "run: python notebooks/build.py"


def test_every_notebook_has_a_source_and_no_outputs():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert (ROOT / "chapters" / f"{path.stem}.py").is_file(), (
            f"{path.name} has no chapter: delete it"
        )
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            assert not cell.get("outputs") and cell.get("execution_count") is None, path.name


@each_chapter
def test_has_what_a_chapter_has(chapter):
    text = chapter.read_text("utf-8")
    number = re.match(r"0?(\d+b?)_", chapter.stem)[1]  # 1b for 01b_when_it_does_not_learn
    assert text.startswith(f"# %% [markdown]\n# # {number} · "), (
        "a chapter begins with '# N · Title'"
    )
    assert "**What to look at.**" in text
    exercises = re.split(r"^# ## .*Exercises$", text, flags=re.M)[-1]
    assert 3 <= len(re.findall(r"^# \d\. ", exercises, re.M)) <= 5
    assert exercises.count("Hint") >= 3


def test_committed_figures_are_small():
    listing = subprocess.run(
        ["git", "ls-files", "chapters/figures/*.png", "chapters/figures/*.svg"],
        cwd=ROOT,
        text=True,
        capture_output=True,
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    for path in (ROOT / line for line in listing.stdout.splitlines()):
        assert not path.exists() or path.stat().st_size < 150_000, (
            f"{path.name}: {path.stat().st_size:,} bytes"
        )


@each_chapter
def test_nothing_is_too_wide_for_a_notebook(chapter):
    """Code longer than 88 columns scrolls sideways, and a drawing made of characters falls apart
    when a narrow page wraps it."""
    text = chapter.read_text("utf-8")
    code = [line for line in text.splitlines() if not line.startswith("#")]
    assert not [line for line in code if len(line) > 88]
    drawings = [
        line for line in text.splitlines()
        if line.startswith("#") and len(line) > 60 and re.search("[─│┌┐└┘├┤▶◀▒▮▯]", line)
    ]  # fmt: skip
    assert not drawings


def width_of(formula):
    """About how many characters wide a formula in a line is."""
    fonts = r"\\(mathbb|mathcal|mathrm|operatorname|text|[a-z]*bar|hat|tilde|left|right|big|[,;!])"
    return len(re.sub(r"[{}^_\s]", "", re.sub(r"\\[a-zA-Z]+", "x", re.sub(fonts, "", formula))))


@each_chapter
def test_a_line_of_text_breaks_on_a_narrow_page(chapter):
    """A browser breaks no formula in a line, and code only at its spaces."""
    cells = build.jupytext.read(chapter, fmt="py:percent").cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    text = re.sub(r"(?ms)^```.*?^```|\$\$.*?\$\$", "", text)
    formulas = re.findall(r"\$([^$`]+)\$", re.sub(r"`[^`]*`", "", text))
    assert not [formula for formula in formulas if width_of(formula) > 36]
    pieces = [piece for code in re.findall(r"`([^`]+)`", text) for piece in code.split()]
    assert not [piece for piece in pieces if len(piece) > 36]


@each_chapter
def test_formulas_are_complete(chapter):
    """An odd dollar sign shows the source of all formulas after it."""
    for cell in build.jupytext.read(chapter, fmt="py:percent").cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"(?s)```.*?```|`[^`]*`", "", cell.source)
            assert text.count("$$") % 2 == 0
            assert text.replace("$$", "").count("$") % 2 == 0, cell.source
            for formula in re.findall(r"(?s)\$\$(.*?)\$\$|\$([^$]+)\$", text):
                assert "".join(formula).count("{") == "".join(formula).count("}"), formula


DRAWS = re.compile(r"\b(plt|fig|ax|axes)\.|\baxes\[|\bshow\(|\bplot_\w+\(")


@each_chapter
def test_cells_that_draw_are_hidden_and_only_draw(chapter):
    """The code in view teaches. What a hidden cell prints would have no code beside it."""
    for cell in build.jupytext.read(chapter, fmt="py:percent").cells:
        if cell.cell_type == "code":
            hidden = "hide-input" in cell.metadata.get("tags", [])
            assert hidden or not DRAWS.search(cell.source), cell.source
            assert not hidden or not re.search(r"\bprint\(|\bfit\(", cell.source), cell.source


@each_chapter
def test_reports_are_shown_as_objects(chapter):
    """A printed report has no error map in a notebook."""
    text = chapter.read_text("utf-8")
    assert not re.search(r"\bprint\((gradcheck|check_\w+)\((?:[^()]|\([^()]*\))*\)[,)]", text)


def committed(pattern):
    run = subprocess.run(
        ["git", "ls-files", f"chapters/figures/{pattern}"], cwd=ROOT, text=True, capture_output=True
    )
    if run.returncode:
        pytest.skip("not a git checkout")
    return [Path(line).stem for line in run.stdout.splitlines()]


def test_each_committed_figure_belongs_to_a_chapter():
    names = {
        name.replace("{data.name}", "mnist").replace("{source}", "faces")
        for chapter in (ROOT / "chapters").glob("[0-9]*.py")
        for name in re.findall(r'"(\d\d[a-z]?_[\w{}.]+)"', chapter.read_text("utf-8"))
    }
    assert set(committed("*_*.png")) == names


@each_chapter
def test_figures_of_the_text_exist(chapter):
    for name in re.findall(r"\]\((figures/[^)]+)\)", chapter.read_text("utf-8")):
        assert (chapter.parent / name).is_file(), name
