# %% [markdown]
# # Exercise 18 · A sample with a gradient, and the KL divergence
#
# *Chapter 8, section 1. 10 points. About 45 minutes.*
#
# The encoder of a variational autoencoder returns two arrays for each example: the mean $\mu$ and
# the log-variance $v = \log\sigma^2$ of a normal distribution, both of shape $(N, K)$. Two things
# are new in comparison with a plain autoencoder, and here you write both.
#
# **A sample that can be differentiated.** The noise $\varepsilon\sim\mathcal N(0, 1)$, of shape
# $(N, K)$, is an argument. Do not draw anything yourself.
#
# $$z = \mu + e^{v/2}\,\varepsilon$$
#
# - `reparameterize(mean, logvar, eps)` returns `z` and a `cache`.
# - `reparameterize_backward(dz, cache)` returns `dmean, dlogvar`.
#
# **The KL divergence**, summed over the $K$ dimensions and averaged over the $N$ examples.
#
# $$\mathrm{KL} = -\frac{1}{2N}\sum_{n,k}\big(1 + v_{nk} - \mu_{nk}^2 - e^{v_{nk}}\big)$$
#
# - `gaussian_kl(mean, logvar)` returns `value, dmean, dlogvar`.
# - `kl_to_prior(mean, logvar, prior_mean, prior_logvar)` is the divergence from a prior
#   $\mathcal N(m, e^{w})$ that is learned too. $m$ and $w$ have shape $(K,)$: all examples share
#   them. The library does not have this function.
#   $$\frac{1}{2N}\sum_{n,k}\Big(w_k - v_{nk} + e^{v_{nk} - w_k}
#   + \frac{(\mu_{nk} - m_k)^2}{e^{w_k}} - 1\Big)$$
#   It returns `value, (dmean, dlogvar, dprior_mean, dprior_logvar)`. Each gradient has the shape of
#   its argument.

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinyae.checking import gradcheck


# %% nbgrader={"grade": false, "grade_id": "variational-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reparameterize(mean, logvar, eps):
    """z = mean + e^(logvar / 2) eps, and a cache."""
    ### BEGIN SOLUTION
    s = np.exp(logvar / 2) * eps  # (N, K)
    return mean + s, s
    ### END SOLUTION


def reparameterize_backward(dz, cache):
    """dmean, dlogvar for the gradient dz of the sample."""
    ### BEGIN SOLUTION
    s = cache
    return dz, dz * s / 2
    ### END SOLUTION


def gaussian_kl(mean, logvar):
    """value, dmean, dlogvar of the divergence from N(0, 1)."""
    ### BEGIN SOLUTION
    n, variance = len(mean), np.exp(logvar)
    value = -0.5 * (1 + logvar - mean**2 - variance).sum() / n
    return value, mean / n, (variance - 1) / (2 * n)
    ### END SOLUTION


def kl_to_prior(mean, logvar, prior_mean, prior_logvar):
    """value, (dmean, dlogvar, dprior_mean, dprior_logvar)."""
    ### BEGIN SOLUTION
    n = len(mean)
    ratio = np.exp(logvar - prior_logvar)  # (N, K)
    difference = mean - prior_mean
    distance = difference**2 / np.exp(prior_logvar)
    value = 0.5 * (prior_logvar - logvar + ratio + distance - 1).sum() / n
    dm = difference / np.exp(prior_logvar) / n
    dv = (ratio - 1) / (2 * n)
    dw = (1 - ratio - distance).sum(axis=0) / (2 * n)  # (K,)
    return value, (dm, dv, -dm.sum(axis=0), dw)
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# First the sample. A gradient of a random quantity can be checked if the noise stays the same.

# %% tags=["check"]
rng = np.random.default_rng(0)
mean, logvar, eps = rng.normal(size=(3, 5, 4))


def sample(mean, logvar):
    return reparameterize(mean, logvar, eps)


print(gradcheck((sample, reparameterize_backward), mean, logvar))

# %% [markdown]
# Then the divergences: their gradients, and the value against its definition, the mean of
# $\log q(z) - \log p(z)$ over many samples $z\sim q$.


# %% tags=["check"]
def backward(dvalue, gradients):
    return tuple(dvalue * g for g in gradients)


def kl(mean, logvar):
    value, *gradients = gaussian_kl(mean, logvar)
    return value, gradients


print(gradcheck((kl, backward), mean, logvar), "\n")
print(gradcheck((kl_to_prior, backward), mean, logvar, mean[0], logvar[0]), "\n")

noise = np.random.default_rng(1).normal(size=(100_000, *mean.shape))
z, _ = reparameterize(mean, logvar, noise)
log_q = -0.5 * (logvar + noise**2)  # both without −½ log 2π, which cancels
log_p = -0.5 * z**2
samples = (log_q - log_p).sum(axis=-1).mean(axis=-1)
error = samples.std() / len(samples) ** 0.5
print(f"KL from samples {samples.mean():.4f} ± {error:.4f}")
print(f"KL from the formula {gaussian_kl(mean, logvar)[0]:.4f}")

# %% [markdown]
# A prior that is learned moves to where the codes are. Follow its gradient for 200 steps: the
# divergence falls, and the prior becomes the normal distribution that has the mean and the variance
# of the whole batch. Aim for a last value of about 0.63, and for a prior mean close to 2.

# %% tags=["check"]
rng = np.random.default_rng(2)
mean, logvar = 2 + rng.normal(size=(200, 1)), np.full((200, 1), -1.0)
m, w = np.zeros(1), np.zeros(1)
values = []
for _ in range(200):
    value, (_, _, dm, dw) = kl_to_prior(mean, logvar, m, w)
    m, w = m - 0.1 * dm, w - 0.1 * dw
    values.append(value)
print(
    f"last value {values[-1]:.3f}; prior mean {m[0]:.3f}, variance {np.exp(w[0]):.3f}"
)
print(f"the batch: mean {mean.mean():.3f}, variance {mean.var() + np.exp(-1):.3f}")
fig, ax = plt.subplots(figsize=(5, 2.5), layout="constrained")
ax.plot(values)
ax.set(xlabel="step", ylabel="KL divergence")

# %% nbgrader={"grade": true, "grade_id": "variational-grade", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "variational")
print(result)
result.score
### END HIDDEN TESTS
