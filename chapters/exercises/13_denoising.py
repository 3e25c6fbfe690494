# %% [markdown]
# # Exercise 13 · Repair what was destroyed
#
# *Chapter 3, "The equation" and "The gradient". 10 points. About 60 minutes.*
#
# A denoising autoencoder gets a corrupted image $\tilde x$ and should return the clean image $x$. An
# *objective* `(model, x, rng) -> loss, grads, terms` computes the loss of one batch, with the shape
# $(N, D)$, and its gradients. `fit` can train with any such function. `grads` has the keys of
# `model.params`, such as `"encoder.0.weight"`. `terms` can be an empty dict here.
#
# - `denoising(model, x, rng, sigma)` adds Gaussian noise and clips the result:
#   $\tilde x = \operatorname{clip}(x + \sigma\varepsilon, 0, 1)$. The loss is the mean over all
#   pixels of all images,
#
# $$L = \frac1{ND}\sum_{n,j}(\hat x_{nj} - x_{nj})^2,\qquad \hat x = g(f(\tilde x)).$$
#
# - `emphasized(model, x, rng, nu, alpha, beta)`, which the library does not have, sets each pixel to
#   0 with probability $\nu$. Copying a pixel that is still there is easy, guessing one that is not is
#   hard. So the errors of the two kinds get different weights (Vincent et al. 2010):
#
# $$L = \frac1{ND}\Big(\alpha\sum_{\text{masked}}(\hat x_{nj} - x_{nj})^2
# + \beta\sum_{\text{not masked}}(\hat x_{nj} - x_{nj})^2\Big).$$
#
# So that the grader can repeat your random numbers, draw all of them with one call:
# `rng.standard_normal(x.shape, dtype=x.dtype)` for the noise. A pixel is masked where
# `rng.random(x.shape) < nu`.
#
# The model has the methods of exercise 7: `model.encoder.forward(x)` returns `z, cache`, and
# `model.encoder.backward(dz, cache)` returns `dx, grads`; `model.decoder` has the same.
# `model.named({"encoder": ..., "decoder": ...})` makes one dict with long names of two. (Or write
# this one line yourself.) Do not change the model.

# %%
import numpy as np


# %% nbgrader={"grade": false, "grade_id": "denoising-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def denoising(model, x, rng, sigma=0.3):
    """loss, grads, terms"""
    ### BEGIN SOLUTION
    noise = rng.standard_normal(x.shape, dtype=x.dtype)
    noisy = np.clip(x + sigma * noise, 0, 1)
    z, encoder_cache = model.encoder.forward(noisy)  # the cache holds x̃ for dW₁
    x_hat, decoder_cache = model.decoder.forward(z)
    loss = ((x_hat - x) ** 2).mean()
    dx_hat = 2 * (x_hat - x) / x.size
    dz, decoder_grads = model.decoder.backward(dx_hat, decoder_cache)
    _, encoder_grads = model.encoder.backward(dz, encoder_cache)
    return loss, model.named({"encoder": encoder_grads, "decoder": decoder_grads}), {}
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "denoising-emphasized", "locked": false, "schema_version": 3, "solution": true, "task": false}
def emphasized(model, x, rng, nu=0.5, alpha=1.5, beta=0.5):
    """loss, grads, terms"""
    ### BEGIN SOLUTION
    masked = rng.random(x.shape) < nu
    z, encoder_cache = model.encoder.forward(np.where(masked, x.dtype.type(0), x))
    x_hat, decoder_cache = model.decoder.forward(z)
    weights = np.where(masked, alpha, beta).astype(x.dtype)
    total = (weights * (x_hat - x) ** 2).mean()
    dx_hat = 2 * weights * (x_hat - x) / x.size
    dz, decoder_grads = model.decoder.backward(dx_hat, decoder_cache)
    _, encoder_grads = model.encoder.backward(dz, encoder_cache)
    return total, model.named({"encoder": encoder_grads, "decoder": decoder_grads}), {}
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# The checker calls the objective twice for each weight, with the same seed: otherwise the difference
# would come from the noise.

# %% tags=["check"]
from tinyae import Adam, Autoencoder, Linear, Sequential, Sigmoid, Tanh, fit
from tinyae.checking import gradcheck

small = Autoencoder(
    Sequential(Linear(6, 4, rng=0), Tanh()), Sequential(Linear(4, 6, rng=1))
).astype(np.float64)
x = np.random.default_rng(2).uniform(size=(3, 6))
print(gradcheck(denoising, small, x))
print(gradcheck(emphasized, small, x))

# %% [markdown]
# Images of 8 × 8 pixels with one row and one column of ink: there are 64 of them. How much closer to
# the clean images are the repaired ones? Aim at about a quarter of the error. Which of the
# two objectives is better for which damage?

# %% tags=["check"]
row, column = np.divmod(np.arange(64), 8)
images = np.zeros((64, 8, 8), np.float32)
images[range(64), row] = images[range(64), :, column] = 1
clean = images.reshape(64, 64)

rng = np.random.default_rng(0)
noisy = np.clip(clean + 0.5 * rng.standard_normal(clean.shape), 0, 1).astype(np.float32)
holes = np.where(rng.random(clean.shape) < 0.5, 0, clean).astype(np.float32)
print(f"error of the images with noise   {((noisy - clean) ** 2).mean():.3f}")
print(f"error of the images with holes   {((holes - clean) ** 2).mean():.3f}")
for objective in (denoising, emphasized):
    model = Autoencoder(
        Sequential(Linear(64, 64, rng=1), Tanh()),
        Sequential(Linear(64, 64, rng=2), Sigmoid()),
    )
    batches = np.tile(clean, (20, 1))  # each image twenty times, with other noise
    adam = Adam(model.params, lr=3e-3)
    fit(model, batches, objective, adam, epochs=20, workers=1, progress=False)
    errors = [((model(x) - clean) ** 2).mean() for x in (noisy, holes)]
    print(f"{objective.__name__:<12} noise {errors[0]:.3f}   holes {errors[1]:.3f}")

# %% nbgrader={"grade": true, "grade_id": "denoising-grade", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "denoising")
print(result)
result.score
### END HIDDEN TESTS
