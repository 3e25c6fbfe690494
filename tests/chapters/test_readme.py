"""What the README says can be done can be done, and what it points to is there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = {name: (ROOT / name).read_text("utf-8") for name in ("README.md", "CONTRIBUTING.md")}
EXAMPLES = re.findall(r"^```python\n(.*?)^```", TEXTS["README.md"], re.M | re.S)


@pytest.mark.parametrize("code", EXAMPLES, ids=["train", "kinds", "layer"])
def test_example_runs(code, tmp_path):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TINYAE_")}
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        text=True,
        encoding="utf-8",
        capture_output=True,
        timeout=120,
        env={**environment, "PYTHONIOENCODING": "utf-8"},
    )
    assert run.returncode == 0, run.stderr
    assert any(
        words in run.stdout
        for words in ("codes: (2000, 32)", "are found unusual", "gradcheck passed")
    )
    assert [path.name for path in tmp_path.iterdir()] == (
        ["reconstructions.png"] if "save(" in code else []
    )


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)]+)\)", TEXTS[name]):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_commands_exist():
    from tinyae.cli.main import _parser

    commands = "train|reconstruct|denoise|sample|anomalies|map|probe|check|list|info"
    lines = re.findall(rf"^(?:.* && )?(tinyae (?:{commands})[^#\n]*)", TEXTS["README.md"], re.M)
    assert len(lines) > 5
    for line in lines:
        _parser().parse_args(line.split()[1:])
