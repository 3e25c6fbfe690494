"""Exercise 23, batch normalization: training, its gradients, running statistics, inference."""

from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise


def normalized(x: Array, eps: float) -> Array:
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)


def batch_norm(x: Array, gamma: Array, beta: Array, eps: float) -> Array:
    """The reference, in training."""
    return gamma * normalized(x, eps) + beta


def draw(rng: Generator) -> tuple[Array, Array, Array, float]:
    """Six examples, so that N and N − 1 differ, and an ε that is too small to matter."""
    x = rng.normal(rng.normal(size=4), rng.uniform(0.5, 2, 4), (6, 4))
    return x, rng.uniform(0.5, 1.5, 4), rng.normal(size=4), 1e-10


def statistics(rng: Generator) -> tuple[Array, Array]:
    return rng.normal(size=4), rng.uniform(0.5, 2, 4)


def output(code: Code, x: Array, gamma: Array, beta: Array, eps: float) -> str:
    """What is wrong with y."""
    y, _ = judge.pair(code.call("batch_norm_forward", x, gamma, beta, eps), "y, cache")
    mean, var = x.mean(axis=0), x.var(axis=0)
    n = normalized(x, eps)
    rows = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + eps)
    causes = {
        "it uses the variance with N − 1, expected N": (x - mean)
        / np.sqrt(x.var(axis=0, ddof=1) + eps),
        "the root is missing": (x - mean) / (var + eps),
        "it has the mean and variance of each row, expected of each column: axis=0": rows,
        "it has the mean and variance of the whole array, expected of each column: axis=0": (
            x - x.mean()
        )
        / np.sqrt(x.var() + eps),
        "the mean is not subtracted": x / np.sqrt(var + eps),
    }
    known = {cause: gamma * wrong + beta for cause, wrong in causes.items()}
    known |= {"gamma and beta are missing": n, "beta is missing": gamma * n}
    known |= {"gamma is missing": n + beta, "gamma and beta are exchanged": beta * n + gamma}
    return judge.compare(y, batch_norm(x, gamma, beta, eps), "y", known)


def forward(code: Code, rng: Generator) -> dict[str, str]:
    return judge.only_wrong(y=output(code, *draw(rng)))


def epsilon(code: Code, rng: Generator) -> dict[str, str]:
    """A large ε shows."""
    (x, gamma, beta, _), eps = draw(rng), float(rng.uniform(0.1, 0.3))
    y, _ = judge.pair(code.call("batch_norm_forward", x, gamma, beta, eps), "y, cache")
    centered, var = gamma * (x - x.mean(axis=0)), x.var(axis=0)
    causes = {
        "eps belongs under the root": centered / (np.sqrt(var) + eps) + beta,
        "eps is missing, or it is not the argument eps": centered / np.sqrt(var) + beta,
    }
    text = judge.compare(y, batch_norm(x, gamma, beta, eps), "y", causes)
    return judge.only_wrong(eps=text and f"with eps = {eps:.2f}, {text}")


def backward(code: Code, rng: Generator) -> dict[str, str]:
    x, gamma, beta, eps = draw(rng)

    def reference(x: Array, gamma: Array, beta: Array) -> Array:
        return batch_norm(x, gamma, beta, eps)

    def student(dy: Array, x: Array, gamma: Array, beta: Array) -> tuple[Any, ...]:
        _, cache = judge.pair(code.call("batch_norm_forward", x, gamma, beta, eps), "y, cache")
        return judge.pair(code.call("batch_norm_backward", dy, cache), "dx, dgamma, dbeta")

    def causes(dy: Array, x: Array, gamma: Array, beta: Array) -> dict[str, dict[str, Array]]:
        n, s = normalized(x, eps), 1 / np.sqrt(x.var(axis=0) + eps)
        dn = dy * gamma
        by_mean, by_variance = dn.mean(axis=0), n * (dn * n).mean(axis=0)
        whole = dn - by_mean - by_variance
        size = len(x)
        return {
            "dx": {
                "mean and variance are treated as constants, but both depend on x": dn * s,
                "the path through the variance is missing": s * (dn - by_mean),
                "the path through the mean is missing": s * (dn - by_variance),
                "gamma is missing": s * whole / gamma,
                "the division by the standard deviation is missing": whole,
                "the signs of the paths through mean and variance": s
                * (dn + by_mean + by_variance),
                "the paths through mean and variance have sums over the batch, expected means": s
                * (dn - size * by_mean - size * by_variance),
            },
            "dgamma": {
                "it is the mean over the batch, expected the sum": (dy * n).mean(axis=0),
                "it has x where the normalized x belongs": (dy * x).sum(axis=0),
                "the sum over the batch is missing": dy * n,
            },
            "dbeta": {
                "it is the mean over the batch, expected the sum": dy.mean(axis=0),
                "it has a factor gamma too many": (dy * gamma).sum(axis=0),
            },
        }

    wrong = judge.gradients(reference, student, x, gamma, beta, causes=causes)
    return judge.after_output(wrong, output(code, x, gamma, beta, eps))


def running(code: Code, rng: Generator) -> dict[str, str]:
    (x, *_), (mean, var) = draw(rng), statistics(rng)
    m = float(rng.uniform(0.1, 0.3))
    values = judge.pair(code.call("update_running", mean, var, x, m), "mean, var")

    def update(old: Array, new: Array, weight: float = m) -> Array:
        return (1 - weight) * old + weight * new

    batch, unbiased = x.mean(axis=0), x.var(axis=0, ddof=1)
    exchanged = "the weights are exchanged: momentum is the weight of the new batch"
    only = "it is the batch's alone, expected a mean with the old value"
    new_mean = judge.compare(
        values[0], update(mean, batch), "mean", {exchanged: update(mean, batch, 1 - m), only: batch}
    )
    causes = {
        exchanged: update(var, unbiased, 1 - m),
        only: unbiased,
        "it uses the variance with N, expected N − 1 here": update(var, x.var(axis=0)),
        "it uses the standard deviation, expected the variance": update(var, np.sqrt(unbiased)),
        "the mean is not subtracted from x": update(var, (x**2).mean(axis=0)),
    }
    new_var = judge.compare(values[1], update(var, unbiased), "var", causes)
    return judge.only_wrong(**{"running mean": new_mean, "running variance": new_var})


def inference(code: Code, rng: Generator) -> dict[str, str]:
    (x, gamma, beta, _), (mean, var) = draw(rng), statistics(rng)
    eps = float(rng.uniform(0.1, 0.3))
    y = code.call("batch_norm_inference", x, gamma, beta, mean, var, eps)
    s = 1 / np.sqrt(var + eps)
    causes = {
        "it uses the statistics of the batch": batch_norm(x, gamma, beta, eps),
        "eps belongs under the root": gamma * (x - mean) / (np.sqrt(var) + eps) + beta,
        "eps is missing": gamma * (x - mean) / np.sqrt(var) + beta,
        "the root is missing: var is a variance": gamma * (x - mean) / (var + eps) + beta,
        "gamma and beta are missing": (x - mean) * s,
        "it is multiplied by var, expected divided": gamma * (x - mean) / s + beta,
    }
    return judge.only_wrong(
        inference=judge.compare(y, gamma * (x - mean) * s + beta, "y in inference", causes)
    )


def conduct(code: Code, rng: Generator) -> dict[str, str]:
    x, gamma, beta, eps = draw(rng)
    mean, var = statistics(rng)

    def forward(x: Array) -> tuple[Any, Any]:
        vectors = gamma.astype(x.dtype), beta.astype(x.dtype)
        y, cache = judge.pair(code.call("batch_norm_forward", x, *vectors, eps), "y, cache")
        return y, cache

    def backward(dy: Array, cache: Any) -> tuple[Any, ...]:
        return judge.pair(code.call("batch_norm_backward", dy, cache), "dx, dgamma, dbeta")

    text = judge.conduct(forward, backward, x, rng.normal(size=x.shape), alone=False)
    if not text and judge.compare(forward(x[:1])[0], beta[None], "y"):
        text = "for a batch of one example, y is not beta: its variance is 0"
    vectors = {"gamma": gamma, "beta": beta}
    text = text or judge.in_place(code, "batch_norm_forward", {"x": x, **vectors}, eps)
    text = text or judge.in_place(code, "batch_norm_backward", {"dy": x}, forward(x)[1])
    text = text or judge.in_place(code, "update_running", {"mean": mean, "var": var, "x": x})
    return judge.only_wrong(conduct=text)


EXERCISE = Exercise(
    name="batch_norm",
    number=23,
    title="Batch normalization",
    chapter="01_basic_autoencoder",
    checks=(
        Check({"y": 2}, forward),
        Check({"eps": 1}, epsilon),
        Check({"dx": 3, "dgamma": 1, "dbeta": 1}, backward),
        Check({"running mean": 1, "running variance": 1}, running),
        Check({"inference": 1}, inference),
        Check({"conduct": 1}, conduct, needs=("y",)),
    ),
)
