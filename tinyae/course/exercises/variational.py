"""Exercise 18, the two new parts of a variational autoencoder: a random code, and the KL."""

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise


def reparameterize(mean: Array, logvar: Array, eps: Array) -> Array:
    """The reference."""
    return mean + np.exp(logvar / 2) * eps


def gaussian_kl(mean: Array, logvar: Array) -> Array:
    """The reference: KL(N(mean, e^logvar) ‖ N(0, 1)), mean over the batch."""
    return kl_to_prior(mean, logvar, np.zeros(mean.shape[1]), np.zeros(mean.shape[1]))


def kl_to_prior(mean: Array, logvar: Array, prior_mean: Array, prior_logvar: Array) -> Array:
    """The reference: KL(N(mean, e^logvar) ‖ N(prior_mean, e^prior_logvar)), mean over the batch."""
    ratio = np.exp(logvar - prior_logvar)
    distance = (mean - prior_mean) ** 2 / np.exp(prior_logvar)
    return 0.5 * (prior_logvar - logvar + ratio + distance - 1).sum() / len(mean)


def draw(rng: Generator, n: int = 6, k: int = 4) -> tuple[Array, Array]:
    """Means and log-variances. No mistake may be hidden by a logvar near 0 or by N = K."""
    return rng.normal(size=(n, k)), rng.normal(size=(n, k)) - 1


def sample(code: Code, rng: Generator) -> dict[str, str]:
    mean, logvar = draw(rng)
    eps = rng.normal(size=mean.shape)
    arguments = mean, logvar, eps
    z, _ = judge.pair(code.call("reparameterize", *arguments), "z, cache")
    again, _ = judge.pair(code.call("reparameterize", *arguments), "z, cache")
    causes = {
        "logvar was taken for σ": mean + logvar * eps,
        "e^logvar is σ², expected σ = e^(logvar/2)": mean + np.exp(logvar) * eps,
        "σ is missing": mean + eps,
        "eps was subtracted": mean - np.exp(logvar / 2) * eps,
        "ε is missing: it is not random": mean + np.exp(logvar / 2),
    }
    text = judge.compare(z, reparameterize(*arguments), "z", causes)
    if text and isinstance(z, np.ndarray) and not np.array_equal(z, again):
        text = "z changes from call to call: use eps, and draw nothing in the function"
    return judge.only_wrong(z=text)


def sample_backward(code: Code, rng: Generator) -> dict[str, str]:
    mean, logvar = draw(rng)
    noise = rng.normal(size=mean.shape)

    def reference(mean, logvar):
        return reparameterize(mean, logvar, noise)

    def student(dz, mean, logvar):
        _, cache = judge.pair(code.call("reparameterize", mean, logvar, noise), "z, cache")
        return judge.pair(code.call("reparameterize_backward", dz, cache), "dmean, dlogvar")

    def causes(dz, mean, logvar):
        s = np.exp(logvar / 2)
        return {
            "dlogvar": {
                "the ½ of e^(logvar/2) is missing": dz * s * noise,
                "it is the derivative with respect to σ, expected logvar": dz * noise,
                "ε is missing": dz * s / 2,
                "it is the derivative of e^logvar ε": dz * s * s * noise,
                "dz is missing": s * noise / 2,
            }
        }

    wrong = judge.gradients(reference, student, mean, logvar, causes=causes)
    if wrong and sample(code, rng):
        wrong = {"dlogvar": "z is wrong too: repair it first"}
    return judge.only_wrong(**{"gradients of z": "; ".join(wrong.values())})


def kl(code: Code, rng: Generator) -> dict[str, str]:
    mean, logvar = draw(rng)
    value, _, _ = judge.pair(code.call("gaussian_kl", mean, logvar), "value, dmean, dlogvar")
    n, k = mean.shape
    right = gaussian_kl(mean, logvar)
    causes = {
        "the sign of the KL is wrong: it can never be negative": -right,
        "the ½ is missing": 2 * right,
        "it was not divided by the number of examples": right * n,
        "it is a mean over the dimensions too, expected their sum": right / k,
        "logvar was taken for log σ": gaussian_kl(mean, 2 * logvar),
        "logvar was taken for σ²": gaussian_kl(mean, np.log(np.abs(logvar))),
        "the 1 is missing": right + k / 2,
    }
    return judge.only_wrong(KL=judge.compare(value, right, "KL", causes))


def kl_backward(code: Code, rng: Generator) -> dict[str, str]:
    def student(dy, mean, logvar):
        parts = judge.pair(code.call("gaussian_kl", mean, logvar), "value, dmean, dlogvar")
        return tuple(dy * np.asarray(part) for part in parts[1:])

    def causes(dy, mean, logvar):
        n, variance = len(mean), np.exp(logvar)
        return {
            "dmean": {
                "it was not divided by the number of examples": dy * mean,
                "the ½ and the 2 of the square cancel": dy * mean / n / 2,
            },
            "dlogvar": {
                "it was not divided by the number of examples": dy * (variance - 1) / 2,
                "the ½ is missing": dy * (variance - 1) / n,
                "the −1 is missing": dy * variance / 2 / n,
                "it is the derivative with respect to σ²": dy * (1 - 1 / variance) / 2 / n,
            },
        }

    wrong = judge.gradients(gaussian_kl, student, *draw(rng), causes=causes)
    return {f"{name} of KL": text for name, text in wrong.items()}


def prior(code: Code, rng: Generator) -> dict[str, str]:
    (mean, logvar), (m, v) = draw(rng), draw(rng, 2, 4)[1]
    names = "value, gradients"
    value, _ = judge.pair(code.call("kl_to_prior", mean, logvar, m, v), names)
    right = kl_to_prior(mean, logvar, m, v)
    flipped = kl_to_prior(m + 0 * mean, v + 0 * mean, mean, logvar)
    causes = {
        "the prior was ignored": gaussian_kl(mean, logvar),
        "it is KL(prior ‖ posterior), expected KL(posterior ‖ prior)": flipped,
        "(μ − m)² is not divided by the prior's variance": right
        + 0.5 * ((mean - m) ** 2 * (1 - np.exp(-v))).sum() / len(mean),
        "the ½ is missing": 2 * right,
        "it was not divided by the number of examples": right * len(mean),
    }
    text = judge.compare(value, right, "the KL to a prior", causes)
    return judge.only_wrong(**{"KL to a prior": text})


def prior_backward(code: Code, rng: Generator) -> dict[str, str]:
    (mean, logvar), (m, v) = draw(rng), draw(rng, 2, 4)[1]
    names = "dmean, dlogvar, dprior_mean, dprior_logvar"

    def student(dy, *arrays):
        _, found = judge.pair(code.call("kl_to_prior", *arrays), "value, gradients")
        return tuple(dy * np.asarray(part) for part in judge.pair(found, names))

    def causes(dy, mean, logvar, m, v):
        n = len(mean)
        dm = (m - mean) / np.exp(v) / n * dy
        return {
            "dprior_mean": {
                "all examples share the prior: sum over them": dm,
                "it is a mean over the examples, expected the sum": dm.mean(axis=0),
            }
        }

    wrong = judge.gradients(kl_to_prior, student, mean, logvar, m, v, causes=causes)
    return judge.only_wrong(**{"gradients of KL to a prior": "; ".join(wrong.values())})


def conduct(code: Code, rng: Generator) -> dict[str, str]:
    mean, logvar = draw(rng)
    noise = rng.normal(size=mean.shape)

    def forward(logvar):  # the only argument that backward depends on, apart from the noise
        m, eps = (a[: len(logvar)].astype(logvar.dtype) for a in (mean, noise))
        return judge.pair(code.call("reparameterize", m, logvar, eps), "z, cache")

    def backward(dz, cache):
        return judge.pair(code.call("reparameterize_backward", dz, cache), "dmean, dlogvar")

    text = judge.conduct(forward, backward, logvar, rng.normal(size=mean.shape))
    return judge.only_wrong(conduct=text)


EXERCISE = Exercise(
    name="variational",
    number=18,
    title="A sample with a gradient, and the KL divergence",
    chapter="08_ways_out",
    checks=(
        Check({"z": 1.5}, sample),
        Check({"gradients of z": 2}, sample_backward),
        Check({"KL": 1.5}, kl),
        Check({"dmean of KL": 0.5, "dlogvar of KL": 1}, kl_backward),
        Check({"KL to a prior": 1}, prior),
        Check({"gradients of KL to a prior": 1.5}, prior_backward),
        Check({"conduct": 1}, conduct, needs=("z",)),
    ),
)
