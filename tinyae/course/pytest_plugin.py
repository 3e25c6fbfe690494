"""Points in a course's own pytest files. The plugin is active wherever tinyae is installed.

    @pytest.mark.points(2)
    def test_forward(student):
        y, cache = student.call("linear_forward", x, W, b)
        ...

Run ``pytest --submission homework.py --points results.json``. ``student`` is the student's code in
a process of its own (``StudentCode``), a new one for each test. A test that passes gives its
points.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("tinyae", "grading with tinyae")
    group.addoption("--submission", metavar="FILE", help="the student's script or notebook")
    group.addoption(
        "--points", metavar="FILE", help="write the points as Gradescope's results.json"
    )


def pytest_configure(config: Any) -> None:
    config.addinivalue_line("markers", "points(n): the points that a passing test gives")
    if config.getoption("--points"):
        config.pluginmanager.register(Points(config.getoption("--points")), "tinyae_points")


@pytest.fixture
def student(request: Any) -> Iterator[Any]:
    """The student's code, isolated; needs ``--submission FILE``."""
    from tinyae.course import StudentCode

    path = request.config.getoption("--submission")
    if path is None:
        pytest.fail("which submission? Run pytest with --submission FILE")
    with StudentCode(path) as code:
        yield code


class Points:
    """Collects the points of the tests that have some."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.seconds = 0.0
        self.failed: dict[str, str] = {}
        self.points: dict[str, float] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        for item in items:
            if mark := item.get_closest_marker("points"):
                self.points[item.nodeid] = float(mark.args[0])

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds += report.duration
        if report.nodeid in self.points and not report.passed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.failed.setdefault(
                report.nodeid, getattr(crash, "message", str(report.longrepr)).splitlines()[0]
            )

    def pytest_sessionfinish(self) -> None:
        from tinyae.course.gradescope import write_results
        from tinyae.course.grading import Grade, PartGrade

        grade = Grade("pytest")
        for name, points in self.points.items():
            text = self.failed.get(name, "")
            score, status = (0.0, "failed") if name in self.failed else (points, "passed")
            grade.tests.append(PartGrade(name.rpartition("::")[2], score, points, status, text))
        write_results(self.path, grade, self.seconds)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        total = sum(self.points.values())
        lost = sum(self.points[name] for name in self.failed)
        terminalreporter.write_line(f"points: {total - lost:g} of {total:g}")
