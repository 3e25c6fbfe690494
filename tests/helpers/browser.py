"""Read what ``tests/docs/in_browser.py`` printed."""

import json


def results_of(run):
    """Its results, and all of its output."""
    lines = [line for line in run.stdout.splitlines() if line.startswith("RESULTS ")]
    assert lines, (run.stdout + run.stderr)[-3000:]
    return json.loads(lines[0].removeprefix("RESULTS ")), run.stdout
