"""The pages of the site that are made from the code."""

import importlib.util
from pathlib import Path

import pytest

import tinyae.known_bugs
from tinyae.checking import diagnosis, gradcheck

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def pages():
    spec = importlib.util.spec_from_file_location("pages", DOCS / "pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_hints_has_every_comparison_and_each_hint_with_its_cause(pages, monkeypatch):
    bugs = tinyae.known_bugs.BUGS[:6]
    monkeypatch.setattr(tinyae.known_bugs, "BUGS", bugs)
    text = pages.hints()
    for relation in diagnosis.FIRST + diagnosis.RELATIONS:
        assert f"**{pages.sentence(relation.__name__)}.** " in text
    for bug in bugs:
        target, inputs = bug.make(seed=0)
        for hint in gradcheck(target, *inputs).hints:
            assert f"**{pages.sentence(hint.kind)}.** " in text
    assert pages.escaped(bugs[0].about) in text


@pytest.mark.parametrize("relation", diagnosis.FIRST + diagnosis.RELATIONS)
def test_a_comparison_says_what_it_recognizes(relation):
    assert relation.__doc__


def test_the_page_of_benchmarks_is_their_readme_or_a_list(pages, monkeypatch, tmp_path):
    assert pages.benchmarks().startswith("# ")
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    (folder / "steps.py").write_text('"""Training steps, a|b."""\nif __name__ == "__main__": pass')
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    assert "| Training steps, a\\|b. |" in pages.benchmarks()
    readme = "# Speed\n[code](steps.py), [chapter](../chapters/01.py#end), [there](https://a.b/c)"
    (folder / "README.md").write_text(readme)
    assert pages.benchmarks() == (
        f"# Speed\n[code]({pages.REPOSITORY}/benchmarks/steps.py), "
        f"[chapter]({pages.REPOSITORY}/chapters/01.py#end), [there](https://a.b/c)"
    )
