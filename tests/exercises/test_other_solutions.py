"""The grader accepts right solutions that are written in another way than ours, and gives nothing
for arrays of zeros."""

from pathlib import Path

import pytest

from tinyae.course import grade

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in (HERE / "other_solutions").glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_another_right_solution_has_all_points(name):
    result = grade(HERE / "other_solutions" / f"{name}.py", name)
    assert result.score == result.max_score, str(result)


@pytest.mark.parametrize("name", NAMES)
def test_zeros_of_the_right_shape_have_no_points(name):
    result = grade(HERE / "zeros.py", name)
    assert result.score == 0, str(result)
