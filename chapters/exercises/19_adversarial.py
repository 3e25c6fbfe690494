# %% [markdown]
# # Exercise 19 · Adversarial training: the losses of both sides
#
# *Chapter 8, sections 2 and 4. 10 points. About 60 minutes.*
#
# A discriminator $c$ gives each example one value, the logit $a$ of "this is real". It is a network
# of tinyae: `a, caches = discriminator.forward(x)` with $a$ of shape $(N, 1)$,
# `dx, grads = discriminator.backward(da, caches)`, and `discriminator.params`, a dictionary with
# the same names as `grads`. Write its loss, the loss of its opponent, and one step of training.
#
# - `discriminator_loss(a_real, a_fake, smooth)` returns `value, da_real, da_fake` for the logits of
#   $N$ real and $M$ fake examples. It is the cross-entropy with the target $1 - s$ for real
#   examples and 0 for fake ones. One-sided label smoothing ($s = 0.1$, Salimans et al. 2016) keeps
#   the discriminator from being too sure; the library does not have it.
#   $$-\frac1N\sum_n\big[(1-s)\log\sigma(a_n) + s\log(1-\sigma(a_n))\big]
#   -\frac1M\sum_m\log(1-\sigma(a_m))$$
#   With $\mathrm{softplus}(a) = \log(1 + e^a)$, $-\log\sigma(a) = \mathrm{softplus}(-a)$ and
#   $-\log(1-\sigma(a)) = \mathrm{softplus}(a)$. Logits of $\pm1000$ must not give a warning:
#   $\mathrm{softplus}(a) = \max(a, 0) + \log(1 + e^{-|a|})$ and
#   $\sigma(a) = \frac12(1 + \tanh\frac a2)$. Write these two first.
# - `hinge_loss(a_real, a_fake)` returns `value, da_real, da_fake` for another common choice, which
#   the library does not have either: $\frac1N\sum_n\max(0, 1 - a_n) + \frac1M\sum_m\max(0, 1 + a_m)$.
# - `generator_loss(discriminator, z)` returns `value, dz`. It is small where the discriminator takes
#   $z$ for real: $-\frac1N\sum_n\log\sigma(c(z_n))$. It must not change the discriminator.
# - `discriminator_step(discriminator, real, fake, lr, smooth)` makes one step of gradient descent on
#   `discriminator_loss`. It changes the arrays in `discriminator.params` in place, and it returns
#   the loss before the step.

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinyae import Linear, Sequential, Tanh
from tinyae.checking import gradcheck


# %% nbgrader={"grade": false, "grade_id": "adversarial-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def softplus(a):
    """log(1 + e^a), without overflow."""
    ### BEGIN SOLUTION
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))
    ### END SOLUTION


def sigmoid(a):
    """1 / (1 + e^-a), without overflow."""
    ### BEGIN SOLUTION
    return 0.5 * (1 + np.tanh(0.5 * a))
    ### END SOLUTION


def discriminator_loss(a_real, a_fake, smooth):
    """value, da_real, da_fake of the cross-entropy with smooth targets for real examples."""
    ### BEGIN SOLUTION
    n, m = len(a_real), len(a_fake)
    real = (1 - smooth) * softplus(-a_real) + smooth * softplus(a_real)
    value = real.sum() / n + softplus(a_fake).sum() / m
    return value, (sigmoid(a_real) - (1 - smooth)) / n, sigmoid(a_fake) / m
    ### END SOLUTION


def hinge_loss(a_real, a_fake):
    """value, da_real, da_fake of the hinge loss."""
    ### BEGIN SOLUTION
    n, m = len(a_real), len(a_fake)
    real, fake = np.maximum(0, 1 - a_real), np.maximum(0, 1 + a_fake)
    return real.sum() / n + fake.sum() / m, (real > 0) / -n, (fake > 0) / m
    ### END SOLUTION


def generator_loss(discriminator, z):
    """value, dz: how far the discriminator is from taking z for real."""
    ### BEGIN SOLUTION
    a, caches = discriminator.forward(z)
    da = (sigmoid(a) - 1) / len(a)
    dz, _ = discriminator.backward(da, caches)
    return softplus(-a).sum() / len(a), dz
    ### END SOLUTION


def discriminator_step(discriminator, real, fake, lr, smooth):
    """One step of gradient descent for the discriminator; the loss before it."""
    ### BEGIN SOLUTION
    a_real, real_caches = discriminator.forward(real)
    a_fake, fake_caches = discriminator.forward(fake)
    value, da_real, da_fake = discriminator_loss(a_real, a_fake, smooth)
    _, real_grads = discriminator.backward(da_real, real_caches)
    _, fake_grads = discriminator.backward(da_fake, fake_caches)
    for name, w in discriminator.params.items():
        w -= lr * (real_grads[name] + fake_grads[name])
    return value
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself

# %% tags=["check"]
rng = np.random.default_rng(0)
a_real, a_fake = rng.normal(size=(5, 1)), rng.normal(size=(3, 1))


def backward(dvalue, gradients):
    return tuple(dvalue * g for g in gradients)


def with_gradients(loss, *settings):
    """The loss as gradcheck expects it: value, cache."""

    def forward(a_real, a_fake):
        value, *gradients = loss(a_real, a_fake, *settings)
        return value, gradients

    return forward, backward


print(gradcheck(with_gradients(discriminator_loss, 0.1), a_real, a_fake), "\n")
print(gradcheck(with_gradients(hinge_loss), a_real, a_fake), "\n")

discriminator = Sequential(
    Linear(2, 8, rng=1, dtype=np.float64), Tanh(), Linear(8, 1, rng=2, dtype=np.float64)
)


def fool(z):
    return generator_loss(discriminator, z)


print(gradcheck(fool, rng.normal(size=(4, 2))), "\n")

sure = generator_loss(Linear(1, 1, rng=0, dtype=np.float64), np.full((1, 1), -1e4))
print("a discriminator that is sure still has a gradient:", sure[1].item() != 0)
print("logits of 1000:", discriminator_loss(np.full((1, 1), 1e3), a_fake, 0.1)[0])

# %% [markdown]
# Now let them play. The generator maps noise to points on a line, $y = wz + b$. The real points come
# from $\mathcal N(3, \frac12)$. Aim for a mean between 2.5 and 3.5 after 2000 steps. (Does the spread
# become right too? Adversarial training promises nothing of the kind.)

# %% tags=["check"]
rng = np.random.default_rng(0)
generator = Linear(1, 1, rng=0, dtype=np.float64)
discriminator = Sequential(
    Linear(1, 16, rng=1, dtype=np.float64),
    Tanh(),
    Linear(16, 1, rng=2, dtype=np.float64),
)
for _ in range(2000):
    real, noise = rng.normal(3, 0.5, size=(64, 1)), rng.normal(size=(64, 1))
    fake, cache = generator.forward(noise)
    discriminator_step(discriminator, real, fake, 0.1, 0.1)
    _, dfake = generator_loss(discriminator, fake)
    _, grads = generator.backward(dfake, cache)
    for name, w in generator.params.items():
        w -= 0.05 * grads[name]

points = generator(rng.normal(size=(2000, 1)))
print(f"generated points: mean {points.mean():.2f}, deviation {points.std():.2f}")
fig, ax = plt.subplots(figsize=(5, 2.5), layout="constrained")
bins = np.linspace(0, 6, 60)
ax.hist(rng.normal(3, 0.5, size=2000), bins, alpha=0.6, label="real")
ax.hist(points.ravel(), bins, alpha=0.6, label="generated")
ax.legend()

# %% nbgrader={"grade": true, "grade_id": "adversarial-grade", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "adversarial")
print(result)
result.score
### END HIDDEN TESTS
