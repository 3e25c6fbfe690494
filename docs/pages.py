"""Pages of the site that are made from the code: chapters, hints, exercises, benchmarks."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "https://github.com/tinyae/tinyae/blob/main"


def contents(chapters: list[Path]) -> str:
    """The page that lists the chapters."""
    lines = [
        "# Chapters",
        "",
        "Each chapter is a script that runs as it stands. Its code, its output and its figures are "
        "shown here. The text output is that of a short run on generated digits. The figures are "
        "those of a full run on MNIST.",
        "",
        "```{toctree}",
        ":maxdepth: 1",
        "",
    ]
    return "\n".join([*lines, *(f"chapters/{path.stem}" for path in chapters), "```", ""])


def hints() -> str:
    """What each hint of gradcheck means, from the checker's own functions, and what causes it, from
    the collection of known bugs."""
    from tinyae.checking import diagnosis, gradcheck
    from tinyae.checking.report import full_stop
    from tinyae.known_bugs import BUGS

    parts = [
        "# The checker's hints",
        "When a gradient is wrong, `gradcheck` compares it with the numeric one in many ways. Each "
        "comparison recognizes one family of mistakes. The first that fits every entry decides. If "
        "none fits, the report says so and shows a few entries side by side. The [errors that a "
        "student meets first](errors/index) have pages of their own.",
        "## Hints, and what causes them",
        "Each of these mistakes is in the collection `tinyae.known_bugs`, and the hint is what "
        "`gradcheck` says about it.",
    ]
    seen = set()
    for bug in BUGS:
        target, inputs = bug.make(seed=0)
        report = gradcheck(target, *inputs)
        for found in (*report.findings, *report.hints):
            if found.kind not in seen and found.kind != "unknown":
                seen.add(found.kind)
                parts.append(f"**{sentence(found.kind)}.** {escaped(bug.about)}")
                parts.append(f"> {escaped(full_stop(found.text))}")
    parts += [
        "## The comparisons, in the order in which they are tried",
        "First, the values of the whole tensor:",
        *map(described, diagnosis.FIRST),
        "Then the chain rule: `forward` is recorded step by step. A hint names the one step whose "
        "derivative, done wrong in a usual way, gives exactly the values of backward. Then, from "
        "the most special to the least:",
        *map(described, diagnosis.RELATIONS),
    ]
    return "\n\n".join(parts) + "\n"


def described(relation: Any) -> str:
    text = " ".join((relation.__doc__ or "").split())
    return f"**{sentence(relation.__name__)}.** {escaped(text)}"


def sentence(name: str) -> str:
    return name.replace("_", " ").strip().capitalize()


def escaped(text: str) -> str:
    """Text with signs that Markdown would take for its own. Code in backticks stays."""
    parts = re.split(r"(`+[^`]*`+)", text)
    parts[::2] = [re.sub(r"([\\*_<>\[\]$|])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def front_report(page: str) -> str:
    """The report on the layer that the front page shows."""
    import numpy as np

    import tinyae

    names: dict[str, Any] = {"np": np, "Layer": tinyae.Layer}
    exec(re.findall(r"(?ms)^```python\n(.*?)^```", page)[0], names)
    rng = np.random.default_rng(0)
    layer = names["Linear"](4, 3, rng)
    return str(tinyae.gradcheck(layer, rng.normal(size=(5, 4))))


def exercises(with_lite: bool = False) -> str:
    """The list of graded exercises, with their tasks."""
    from tinyae.course.exercises import NAMES, find

    lines = [
        "# Exercises",
        "",
        "Start one with `tinyae exercise start NAME`, and check it with `tinyae exercise check "
        "FILE`. The check says for each part what is right, what is wrong, and, if it can tell, "
        "why.",
        "",
        "| | name | task | chapter | points |",
        "|---|---|---|---|---|",
    ]
    for exercise in [find(name) for name in NAMES]:
        link = f"[{exercise.title}]({REPOSITORY}/chapters/exercises/{exercise.stem}.py)"
        chapter = f"[{int(exercise.chapter[:2])}](chapters/{exercise.chapter})"
        if with_lite:
            link += f" ({run_link('', f'exercises/{exercise.stem}.ipynb')})"
        lines.append(
            f"| {exercise.number} | `{exercise.name}` | {link} | {chapter} | "
            f"{exercise.max_score:g} |"
        )
    return "\n".join([*lines, ""])


def run_link(root: str, notebook: str) -> str:
    """A link that opens a notebook of ``--lite``, from a page whose way to the top is ``root``."""
    return f'<a href="{root}lite/notebooks/index.html?path={notebook}">run in the browser</a>'


def benchmarks() -> str:
    """The benchmarks' README; where there is none, what each benchmark says of itself."""
    folder = ROOT / "benchmarks"
    readme = folder / "README.md"
    if readme.is_file():
        return on_github(readme)
    lines = ["# Benchmarks", "", "| run | what it measures |", "|---|---|"]
    for path in sorted(folder.glob("*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        if not path.stem.startswith("_") and "__main__" in path.read_text(encoding="utf-8"):
            about = " ".join(text.partition("\n\n")[0].split()).replace("|", "\\|")
            name = f"[`python benchmarks/{path.name}`]({REPOSITORY}/benchmarks/{path.name})"
            lines.append(f"| {name} | {about} |")
    return "\n".join([*lines, ""])


def on_github(page: Path) -> str:
    """The text of a page outside of ``docs``: its links to files lead to the repository."""

    def absolute(match: re.Match[str]) -> str:
        if match[1].startswith(("http:", "https:", "#", "mailto:")):
            return match[0]
        path = (page.parent / match[1]).resolve().relative_to(ROOT)
        return f"]({REPOSITORY}/{path.as_posix()})"

    return re.sub(r"\]\(([^)\s]+)\)", absolute, page.read_text(encoding="utf-8"))
