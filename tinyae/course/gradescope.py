"""Gradescope: its results file, and the zip with an autograder for one exercise.

A zip has ``setup.sh``, which installs, and ``run_autograder``, which grades the files in
``/autograder/submission`` and writes ``/autograder/results/results.json``.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

from tinyae.course import tasks
from tinyae.course.exercise import Exercise
from tinyae.course.grading import Grade

PACKAGE = Path(__file__).resolve().parents[1]

SETUP = """#!/usr/bin/env bash
# Installs what the grader needs, once, when the autograder's image is built.
set -e
cd "$(dirname "$0")"
apt-get install -y bubblewrap || echo "bubblewrap is missing: the code can use the network"
python3 -m venv venv
venv/bin/pip install {requirements}
"""

RUN = """#!/usr/bin/env bash
# Grades one submission. Gradescope runs this in /autograder.
root=${{AUTOGRADER_ROOT:-/autograder}}
mkdir -p "$root/results"
cd "$root/source"
PYTHONPATH="$root/source" venv/bin/python -m tinyae grade "$root/submission" \\
    --exercise {name} --gradescope "$root/results/results.json"
"""

REQUIREMENTS = "numpy matplotlib tqdm threadpoolctl"


def results(grade: Grade, seconds: float) -> dict[str, Any]:
    """A grade in the form of Gradescope's ``results.json``."""
    return {
        "score": grade.score,
        "execution_time": round(seconds, 2),
        "output": "\n".join(grade.notes),
        "visibility": "visible",
        "tests": [
            {
                "number": str(number),
                "name": part.name,
                "score": part.score,
                "max_score": part.max_score,
                "status": part.status,
                "output": part.output or "right",
                "visibility": "visible",
            }
            for number, part in enumerate(grade.tests, 1)
        ],
    }


def write_results(path: str | Path, grade: Grade, seconds: float) -> None:
    """Write ``results.json``, whole or not at all."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(results(grade, seconds), indent=2), encoding="utf-8")
    os.replace(temporary, path)


def make_zip(exercise: Exercise, path: str | Path) -> Path:
    """Write the autograder of one exercise. The zip holds this version of tinyae itself."""
    path = Path(path)
    files = {p.relative_to(PACKAGE.parent): p for p in sorted(PACKAGE.rglob("*.py"))}
    files |= {  # as in an installed wheel
        Path("tinyae/course/tasks", p.relative_to(tasks.folder())): p
        for p in sorted(tasks.folder().rglob("*.py"))
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    scripts = {
        "setup.sh": SETUP.format(requirements=REQUIREMENTS),
        "run_autograder": RUN.format(name=exercise.name),
    }
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as bundle:
        for script, text in scripts.items():
            entry = zipfile.ZipInfo(script, date_time=(2020, 1, 1, 0, 0, 0))
            entry.external_attr = 0o755 << 16  # executable
            bundle.writestr(entry, text)
        for name, file in files.items():
            bundle.write(file, name.as_posix())
    os.replace(temporary, path)
    return path
