"""The README: examples run, commands exist. In all documents, links and new names lead
somewhere."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = {
    name: (ROOT / name).read_text("utf-8")
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
}
EXAMPLES = re.findall(r"^```python\n(.*?)^```", TEXTS["README.md"], re.M | re.S)
PRINTED = {
    "train": "latent codes: (2000, 32)",
    "objectives": "are anomalies",
    "layer": "gradcheck passed",
}


def commands(text):
    """Every ``tinyae ...`` in a block without a language or in backticks, split into arguments."""
    block = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
    lines = [
        line for language, code in block.findall(text) if not language for line in code.splitlines()
    ]
    inline = re.findall(r"`(tinyae [^`]+)`", block.sub("", text))
    parts = [
        part.partition("#")[0].strip() for line in [*lines, *inline] for part in line.split("&&")
    ]
    return [part.split()[1:] for part in parts if part.startswith("tinyae ")]


def test_there_is_an_example_of_each_kind():
    assert len(EXAMPLES) == len(PRINTED)


@pytest.mark.parametrize("kind", PRINTED)
def test_example_runs_and_shows_what_it_says(kind, tmp_path):
    code = EXAMPLES[[*PRINTED].index(kind)]
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
    assert PRINTED[kind] in run.stdout
    shares = dict(re.findall(r"^(.*): ([\d.]+)% are anomalies$", run.stdout, re.M))
    if kind == "objectives":
        assert float(shares["test images"]) < 20 and float(shares["inverted images"]) > 80
    written = [path.name for path in tmp_path.iterdir()]
    assert written == (["reconstructions.png"] if "save(" in code else [])


def test_the_report_at_the_top_is_what_the_command_prints():
    """Its last digits are rounding errors, which differ between computers."""
    text = TEXTS["README.md"]
    code, file, report = re.search(
        r"^```py\n(.+?)\n```.+?`python (\S+)` prints:\n\n```text\n(.+?)```", text, re.M | re.S
    ).groups()
    run = subprocess.run(
        [sys.executable, ROOT / file],
        text=True,
        encoding="utf-8",
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    printed = re.sub(r"\de-\d\d", "_", run.stdout)
    assert re.sub(r"\de-\d\d", "_", report).split() == printed.split()
    assert "FAILED" in report and "hint: " in report
    source = (ROOT / file).read_text("utf-8").replace("  # BUG", "")
    assert code in source


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name):
    headings = re.findall(r"^#+ (.+)$", TEXTS[name], re.M)
    anchors = {"#" + heading.lower().replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", TEXTS[name]):
        found = target in anchors if target.startswith("#") else (ROOT / target).exists()
        assert found or target.startswith("https://"), target


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_commands_exist(name):
    from tinyae.cli.main import _parser
    from tinyae.cli.presets import PRESETS

    for arguments in commands(TEXTS[name]):
        parsed = _parser().parse_args(arguments)
        if arguments[0] == "train":
            assert parsed.model in PRESETS


def test_the_readme_shows_most_commands():
    shown = {arguments[0] for arguments in commands(TEXTS["README.md"])}
    assert shown >= {"train", "reconstruct", "denoise", "sample", "anomalies", "map", "probe"}
    assert shown >= {"check", "list", "info"}


def test_new_names_in_the_changelog_exist():
    rows = re.findall(r"^\| .+ \| (.+) \|$", TEXTS["CHANGELOG.md"].split("####")[1], re.M)
    names = re.findall(r"`(tinyae[\w.]+)`", " ".join(rows))
    assert len(names) > 30
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            module, _, attribute = name.rpartition(".")
            assert hasattr(importlib.import_module(module), attribute), name


def test_the_version_is_in_one_place():
    assert "version" not in re.findall(
        r"^(\w+) = ", (ROOT / "pyproject.toml").read_text("utf-8"), re.M
    )
