"""The proof that the checker bites: every planted bug is rejected and named, no correct target
is."""

import pytest

from tinyae.checking import gradcheck
from tinyae.known_bugs import BUGS, CORRECT


@pytest.mark.parametrize("example", BUGS, ids=lambda s: s.name)
def test_bug_is_caught_and_the_tensor_named(example):
    for seed in range(3):
        target, inputs = example.make(seed)
        report = gradcheck(target, *inputs, seed=seed)
        assert not report.ok, f"seed {seed}: passed"
        named = {t.name for t in report.tensors if t.verdict != "ok"} | {
            f.tensor for f in report.findings
        }
        assert example.tensor in named, str(report)


def test_hints_name_the_cause():
    right, missed = 0, []
    for example in BUGS:
        target, inputs = example.make(100)
        report = gradcheck(target, *inputs, seed=100)
        said = {(h.kind, t) for h in report.hints for t in h.tensor.split(", ")}
        said |= {(f.kind, f.tensor) for f in report.findings}
        kinds = {kind for kind, _ in said}  # "upstream" names a layer, not a tensor
        fits = any(
            (kind, example.tensor) in said or kind == "upstream" in kinds for kind in example.hints
        )
        right += fits
        missed += [] if fits else [(example.name, example.hints, sorted(said))]
    assert right == len(BUGS), missed


@pytest.mark.parametrize("example", CORRECT, ids=lambda s: s.name)
def test_correct_target_passes(example):
    for seed in range(20):
        target, inputs = example.make(seed)
        report = gradcheck(target, *inputs, seed=seed)
        assert report.ok, f"seed {seed}\n{report}"
        assert not report.hints


def test_the_collection_is_large_enough():
    assert len(BUGS) >= 40 and len(CORRECT) >= 30
    assert len({s.name for s in BUGS + CORRECT}) == len(BUGS) + len(CORRECT)
    assert all(s.about and s.tensor and s.hints for s in BUGS)
    assert sum(s.published for s in BUGS) >= 8
