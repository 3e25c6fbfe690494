"""The worked answers to the exercises of the chapters run, and cover each exercise."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHAPTERS = Path(__file__).parents[2] / "chapters"
ANSWERS = sorted((CHAPTERS / "answers").glob("[0-9][0-9]*_*.py"))
ALL = sorted(CHAPTERS.glob("[0-9][0-9]*_*.py"))
LIMIT = 120  # seconds; fast mode takes a few, a busy machine more

each_chapter = pytest.mark.parametrize("chapter", ALL, ids=lambda path: path.stem)
each_file = pytest.mark.parametrize("answers", ANSWERS, ids=lambda path: path.stem)


def exercises_of(chapter: Path) -> list[str]:
    """The titles of the numbered exercises, as in '1. **tanh.** ...'."""
    text = re.split(r"^# ## Exercises$", chapter.read_text("utf-8"), flags=re.M)[-1]
    return re.findall(r"^# \d\. \*\*(.+?)[.?]?\*\*", text, re.M)


def test_there_are_answers():
    assert ANSWERS


@each_file
def test_answers_run_in_fast_mode_and_their_asserts_hold(answers, tmp_path):
    environment = {**os.environ, "TINYAE_FAST": "1", "PYTHONIOENCODING": "utf-8"}
    for name in ("TINYAE_CHAPTER_DATA", "TINYAE_DATA"):
        environment.pop(name, None)
    run = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", answers],
        cwd=tmp_path,
        text=True,
        encoding="utf-8",
        capture_output=True,
        timeout=LIMIT,
        env=environment,
    )
    assert run.returncode == 0, run.stderr
    assert not list(tmp_path.iterdir()), "a fast run leaves nothing behind"


@each_file
def test_every_exercise_of_the_chapter_has_its_answer(answers):
    chapter = CHAPTERS / answers.name
    titles = re.findall(r"^# ## \d\. (.+?)\??$", answers.read_text("utf-8"), re.M)
    assert titles == exercises_of(chapter)
    assert f"Answers: [answers/{answers.name}](answers/{answers.name})" in chapter.read_text(
        "utf-8"
    )


@each_file
def test_answers_check_their_mathematics_and_stay_short(answers):
    text = answers.read_text("utf-8")
    lines = text.splitlines()
    assert len(lines) < 250
    assert len(re.findall(r"^ *assert ", text, re.M)) >= 3
    assert not [line for line in lines if not line.startswith("#") and len(line) > 88]


@each_chapter
def test_each_question_of_the_chapter_has_its_answer_folded_away(chapter):
    text = chapter.read_text("utf-8")
    for part in text.split("**What to look at.**")[1:]:
        until_next_question = re.split(r"^# ## .*Exercises$", part, flags=re.M)[0]
        assert "# <details><summary>" in until_next_question, part[:200]
    assert text.count("<details>") == text.count("# </details>")


@each_chapter
def test_the_chapter_says_what_it_needs_and_where_it_leads(chapter):
    text = chapter.read_text("utf-8")
    assert re.search(r"\A# %% \[markdown\]\n# # .+\n#\n# \*Needs: ", text)
    for start in ("**You can now** ", "**Next:** ", "**In the real world:** "):
        assert f"\n# {start}" in text
