"""Grade a folder of submissions into a CSV file, in parallel. An interrupted run can be resumed."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from tinyae.course.errors import UnreadableFile
from tinyae.course.exercise import Exercise
from tinyae.course.grading import Grade, grade, no_points
from tinyae.course.isolation import check_processes
from tinyae.course.sandbox import Limits

ENDINGS = (".py", ".ipynb")


def submission_file(path: str | Path, exercise: Exercise) -> Path:
    """The file to grade: ``path`` itself, or the one in that folder.

    In a folder with several scripts or notebooks, the one named like the exercise is taken.

    Raises:
        UnreadableFile: if there is no such file, or if it is not clear which one to take.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    files = [p for p in sorted(path.rglob("*")) if p.suffix in ENDINGS and p.is_file()]
    named = [p for p in files if p.stem in (exercise.stem, exercise.name)]
    # Students hand in the script, the notebook, or both: the one that was changed last counts
    found = sorted(named, key=lambda p: p.stat().st_mtime)[-1:] or files
    if len(found) != 1:
        names = ", ".join(p.name for p in files[:5]) or "none"
        wanted = f"{exercise.stem}.py or {exercise.stem}.ipynb"
        raise UnreadableFile(f"{path.name}: expected a file {wanted}, found {names}")
    return found[0]


def grade_folder(
    folder: str | Path,
    exercise: Exercise,
    table: str | Path,
    workers: int | None = None,
    seed: int | None = None,
    limits: Limits | None = None,
    feedback: str | Path | None = None,
    again: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Grade each submission of a folder, a file or a sub-folder, and write one row of a CSV for it.

    A row is written as soon as its submission is graded. Submissions that are in the table, with
    the same content, are not graded again. A submission that cannot be graded gets 0 points and a
    sentence; the others go on.

    Args:
        folder: the submissions. Names that start with a dot are left out.
        exercise: what is graded.
        table: the CSV file.
        workers: how many submissions are graded at the same time; default: one per core.
        seed: draws the inputs, the same for all submissions; secret by default.
        limits: what a student's process may use.
        feedback: a folder for one text file per submission.
        again: grade also what is in the table.
        progress: called with (how many are graded, how many there are).

    Returns:
        How many submissions were graded now.

    Raises:
        OSError: in a browser, which has no processes.
    """
    check_processes()
    entries = sorted(p for p in Path(folder).iterdir() if _is_submission(p))
    seed = secrets.randbits(53) if seed is None else seed
    rows = Table(Path(table), exercise, again)
    todo = [p for p in entries if not rows.has(p.name, _digest(p, exercise))]

    def one(path: Path) -> tuple[Path, Grade, float]:
        start = time.perf_counter()
        try:
            with alone(submission_file(path, exercise), Path(folder)) as file:
                result = grade(file, exercise, seed, limits, hide=[folder])
        except Exception as error:  # one broken submission must not stop the others
            result = no_points(exercise, str(error) or type(error).__name__)
        return path, result, time.perf_counter() - start

    done = len(entries) - len(todo)
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        futures = [pool.submit(one, path) for path in todo]
        try:
            for future in as_completed(futures):
                path, result, seconds = future.result()
                if feedback is not None:
                    Path(feedback).mkdir(parents=True, exist_ok=True)
                    Path(feedback, f"{path.name}.txt").write_text(f"{result}\n", encoding="utf-8")
                rows.add(path.name, _digest(path, exercise), result, seed, seconds)
                done += 1
                if progress:
                    progress(done, len(entries))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return len(todo)


@contextmanager
def alone(file: Path, folder: Path) -> Iterator[Path]:
    """The file, in a folder without other submissions: a student's code can read its own folder."""
    if file.parent.resolve() != folder.resolve():
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="submission-") as scratch:
        yield Path(shutil.copy(file, scratch))


def _is_submission(path: Path) -> bool:
    return not path.name.startswith(".") and (path.is_dir() or path.suffix in ENDINGS)


def _digest(path: Path, exercise: Exercise) -> str:
    """Tells whether a submission has changed."""
    try:
        data = submission_file(path, exercise).read_bytes()
    except (OSError, UnreadableFile):
        data = b""
    return hashlib.sha256(data).hexdigest()[:16]


class Table:
    """The CSV file: one line per submission, so that a killed run leaves only whole rows or one
    that is cut, which is then left out."""

    def __init__(self, path: Path, exercise: Exercise, again: bool) -> None:
        self.path, self.exercise = path, exercise
        parts = [f"{part} ({points:g})" for part, points in exercise.parts.items()]
        self.columns = ["submission", "exercise", "score", "max_score", *parts]
        self.columns += ["seconds", "seed", "digest", "feedback"]
        kept = [] if again else list(self._read())
        self.graded = {(row["submission"], row["digest"]) for row in kept}
        # Rows of an older version of a submission, and of other exercises, stay in the file
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        text = self._line(dict(zip(self.columns, self.columns, strict=True)))
        temporary.write_text(text + "".join(map(self._line, kept)), encoding="utf-8", newline="")
        os.replace(temporary, path)

    def has(self, name: str, digest: str) -> bool:
        return (name, digest) in self.graded

    def add(self, name: str, digest: str, result: Grade, seed: int, seconds: float) -> None:
        """Append a row; after this it is on the disk."""
        row: dict[str, str] = {
            "submission": name,
            "exercise": result.exercise,
            "score": f"{result.score:g}",
            "max_score": f"{result.max_score:g}",
            "seconds": f"{seconds:.1f}",
            "seed": str(seed),
            "digest": digest,
            "feedback": " | ".join(f"{t.name}: {t.output}" for t in result.tests if t.output),
        }
        for test in result.tests:
            row[f"{test.name} ({test.max_score:g})"] = f"{test.score:g}"
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(self._line(row))
            file.flush()
            os.fsync(file.fileno())

    def _read(self) -> Iterator[dict[str, str]]:
        """The rows of an earlier run.

        Raises:
            ValueError: if the file is not a table of this exercise.
        """
        if not self.path.exists():
            return
        text = self.path.read_text("utf-8")
        whole = text[: text.rfind("\n") + 1]  # without a last line that was cut
        reader = csv.DictReader(io.StringIO(whole))
        if whole and list(reader.fieldnames or []) != self.columns:
            raise ValueError(
                f"{self.path} is not a table of grades for {self.exercise.name}: write to another "
                "file (its columns differ)"
            )
        latest = {row["submission"]: row for row in reader}
        yield from latest.values()

    def _line(self, row: dict[str, str]) -> str:
        out = io.StringIO()
        writer = csv.DictWriter(out, self.columns, lineterminator="\n")
        writer.writerow({name: _one_line(str(value)) for name, value in row.items()})
        return out.getvalue()


def _one_line(text: str) -> str:
    """On one line, and not a formula for a spreadsheet."""
    text = " ".join(text.split())
    return f"'{text}" if text[:1] in tuple("=+@") else text
