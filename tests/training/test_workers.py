import platform
import threading
import time

import numpy as np
import pytest
from helpers.small import DATA, small_net
from hypothesis import given
from hypothesis import strategies as st

from tinyae import Adam, Objective, fit
from tinyae.gradients import GradientSum, weighted_sum
from tinyae.models import basic_autoencoder
from tinyae.training.workers import Workers, default_workers, loss_and_gradients, shards


@given(st.integers(1, 300), st.integers(1, 20))
def test_shards_are_all_of_it_once_and_almost_equal(n, workers):
    cuts = shards(n, workers)
    assert [i for cut in cuts for i in range(n)[cut]] == list(range(n))
    lengths = [cut.stop - cut.start for cut in cuts]
    assert len(cuts) == min(n, workers) and max(lengths) - min(lengths) <= 1 and min(lengths) >= 1


@pytest.mark.parametrize("n", [1, 2, 3])
def test_map_keeps_the_order_and_uses_its_threads(n):
    names = set()

    def slow(i):
        names.add(threading.current_thread().name)
        time.sleep(0.002)
        return i * i

    with Workers(n) as team:
        assert team.map(slow, range(20)) == [i * i for i in range(20)]
        assert team.map(slow, []) == []
    assert len(names) == n and threading.main_thread().name in names


def test_after_an_error_nothing_new_is_begun_and_the_team_still_works():
    begun = []

    def broken(i):
        begun.append(i)
        if i == 1:
            raise OSError("no")
        time.sleep(0.01)

    with Workers(2) as team:
        with pytest.raises(OSError, match="no"):
            team.map(broken, range(1000))
        assert len(begun) < 1000
        assert team.map(abs, [-1, -2]) == [1, 2]


def test_weighted_sums():
    assert weighted_sum([1.0, 3.0], [0.25, 0.75]) == 2.5
    assert weighted_sum([1.0, 3.0], [0.5, 0.5]) == 2 and weighted_sum([3.0], [1.0]) == 3
    a = [{"w": np.full(2, v, np.float32)} for v in (1, 3, 5)]
    assert GradientSum(a, [1 / 3] * 3)["w"].tolist() == pytest.approx([3, 3])
    total = GradientSum(a, [0.5, 0.25, 0.25])["w"]
    assert weighted_sum([a[0]["w"]], [1.0]) is a[0]["w"]
    assert total.tolist() == [2.5, 2.5] and total.dtype == np.float32
    assert [g["w"][0] for g in a] == [1, 3, 5]  # the parts are as they were


@pytest.mark.parametrize("clip", [None, 0.1])
@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.6, 0.3, 0.1]])
def test_the_optimizer_adds_the_gradients_of_the_parts(clip, weights):
    rng = np.random.default_rng(0)
    start = {"w": rng.standard_normal((40, 9)), "b": rng.standard_normal(40)}
    one, other = ({key: w.copy() for key, w in start.items()} for _ in range(2))
    a, b = Adam(one, clip_norm=clip), Adam(other, clip_norm=clip)
    for _ in range(3):
        parts = [{k: rng.standard_normal(w.shape) for k, w in start.items()} for _ in weights]
        a.step(GradientSum(parts, weights))
        b.step({k: sum(w * g[k] for w, g in zip(weights, parts, strict=True)) for k in start})
    for key in start:
        np.testing.assert_allclose(one[key], other[key], rtol=1e-12)


class Clipped(Adam):
    """A user's optimizer, which changes the gradients."""

    def step(self, grads, map=map):
        for key in grads:
            grads[key] = np.clip(grads[key], -1e-3, 1e-3)
        super().step(grads, map)


def test_an_optimizer_of_ones_own_may_change_the_gradients():
    weights = []
    for workers in (1, 2):
        model = small_net()
        optimizer = Clipped(model.params)
        fit(model, DATA, Objective(), optimizer, 2, workers=workers, progress=False)
        weights.append(model.params)
    for key, w in weights[0].items():
        np.testing.assert_allclose(w, weights[1][key], atol=1e-4)


def test_a_part_that_does_not_fit_changes_nothing():
    w = {"w": np.ones(3)}
    optimizer = Adam(w)
    with pytest.raises(ValueError, match=r"the gradient of 'w' has shape \(4,\)"):
        optimizer.step(GradientSum([{"w": np.ones(3)}, {"w": np.ones(4)}], [0.5, 0.5]))
    assert w["w"].tolist() == [1, 1, 1] and optimizer.steps == 0


def test_how_many():
    assert default_workers(1) == default_workers(31) == 1
    assert 1 <= default_workers(10**6)
    model = small_net()
    with pytest.raises(ValueError, match="workers is 0"):
        fit(model, DATA, Objective(), Adam(model.params), 1, workers=0, progress=False)
    with pytest.raises(ValueError, match="workers is 0"):
        Workers(0)


def blas_threads():
    from threadpoolctl import threadpool_info

    return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}


@pytest.fixture
def three_blas_threads():
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=3, user_api="blas"):
        if blas_threads() != {3}:
            pytest.skip("this BLAS has no threads to set")
        yield


def test_runs_that_overlap_restore_the_threads_of_blas(three_blas_threads):
    """In any order: the first to end is not the one that began last."""
    first, second = Workers(2), Workers(1)
    first.__enter__()
    second.__enter__()
    assert blas_threads() == {1}
    first.__exit__()
    assert blas_threads() == {1}  # the second still runs
    second.__exit__()
    assert blas_threads() == {3}
    with pytest.raises(ZeroDivisionError), Workers(2):
        raise ZeroDivisionError
    assert blas_threads() == {3}


def test_runs_in_several_threads_restore_the_threads_of_blas(three_blas_threads):
    def train(seed):
        model = small_net(seed=seed)
        for _ in range(3):
            fit(model, DATA, Objective(), Adam(model.params), 2, 8, workers=2, progress=False)

    threads = [threading.Thread(target=train, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert blas_threads() == {3}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_a_step_takes_its_memory_from_the_step_before():
    import resource

    model, objective = basic_autoencoder(0), Objective()
    optimizer = Adam(model.params)
    x = np.random.default_rng(0).random((256, 784), dtype=np.float32)
    faults = []
    with Workers(2) as team:
        for _ in range(30):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            optimizer.step(loss_and_gradients(model, x, objective, team, [0])[1], team.map)
            faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    assert np.median(faults[10:]) < 100  # pages of 4 KiB; a step's arrays are some 4,000 of them
