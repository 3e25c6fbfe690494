"""The proof that the checker bites: every planted bug is rejected and named, no correct target is."""
import pytest

from tinyae.checking import gradcheck
from tinyae.known_bugs import BUGS, SOUND


@pytest.mark.parametrize("specimen", BUGS, ids=lambda s: s.name)
def test_bug_is_caught_and_the_tensor_named(specimen):
    for seed in range(3):
        target, inputs = specimen.make(seed)
        report = gradcheck(target, *inputs, seed=seed)
        assert not report.ok, f"seed {seed}: passed"
        named = {t.name for t in report.tensors if t.verdict != "ok"} | {f.tensor for f in report.findings}
        assert specimen.tensor in named, str(report)


def test_hints_name_the_cause():
    right, missed = 0, []
    for specimen in BUGS:
        target, inputs = specimen.make(100)
        report = gradcheck(target, *inputs, seed=100)
        said = {(h.kind, t) for h in report.hints for t in h.tensor.split(", ")}
        said |= {(f.kind, f.tensor) for f in report.findings}
        kinds = {kind for kind, _ in said}  # "upstream" names a layer, not a tensor
        fits = any((kind, specimen.tensor) in said or kind == "upstream" in kinds for kind in specimen.hints)
        right += fits
        missed += [] if fits else [(specimen.name, specimen.hints, sorted(said))]
    assert right >= 0.9 * len(BUGS), missed


@pytest.mark.parametrize("specimen", SOUND, ids=lambda s: s.name)
def test_correct_target_passes(specimen):
    for seed in range(20):
        target, inputs = specimen.make(seed)
        report = gradcheck(target, *inputs, seed=seed)
        assert report.ok, f"seed {seed}\n{report}"
        assert not report.hints


def test_the_zoo_is_large_enough():
    assert len(BUGS) >= 40 and len(SOUND) >= 30
    assert len({s.name for s in BUGS + SOUND}) == len(BUGS) + len(SOUND)
    assert all(s.about and s.tensor and s.hints for s in BUGS)
    assert sum(s.published for s in BUGS) >= 8
