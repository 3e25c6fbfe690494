# %% [markdown]
# # 7 · Limitations
#
# An autoencoder promises one thing: what it was trained on comes out again. Everything else that one would like to read into it
# is hope. May I decode a code of my own making, and get a new digit? Is a place between two codes a picture between two
# pictures? Is a small error a good picture, and is a picture with a small error a likely one? Four times the answer is no. This
# chapter does not say so, it shows it, and each time there is a reason that can be written down. The next chapter has the ways
# out.
#
# ```
#         pictures                     codes                       pictures
#
#      · · · · · · · ·            ·  ·  ·  ·  ·  ·              ? · · · · · ?
#      ·  ▒▒▒   ▒▒▒  ·    f       ·   ▒▒  ·    ·       g        ·  ▒▒▒   ▒▒▒
#      ·  ▒ data ▒▒  ·  ─────▶    ·  ·  ▒▒▒   ▒▒     ─────▶     ?  ▒ data ▒▒
#      ·   ▒▒▒▒▒▒    ·            ·    ·    ▒▒▒ ·               ·   ▒▒▒▒▒▒ ?
#      · · · · · · · ·            ·  ·  ·  ·  ·  ·              · ? · · · ·
#
#      the loss looks here        here it looks at f(data) alone: elsewhere g may do what it likes
# ```

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyae import Adam, Objective, fit, mse
from tinyae.applications import accuracy, classification, decode_grid, pca_autoencoder
from tinyae.applications.sample_quality import (
    max_probability,
    nearest_neighbors,
    sharpness,
)
from tinyae.data import load_data
from tinyae.models import basic_autoencoder, classifier
from tinyae.plots import mosaic, plot_codes, plot_reconstructions, show

FAST = bool(os.environ.get("TINYAE_FAST"))
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:1000], data.test[:200]) if FAST else (data.train, data.test)
x_train, x_test = train.flat, test.flat
rng = np.random.default_rng(0)
print(data, "->", x_train.shape, x_test.shape)


def trained(model, steps, objective=None, x=x_train):
    """About so many steps of 128 pictures, whatever the size of the data."""
    epochs = 1 if FAST else round(steps * 128 / len(x_train))
    fit(
        model,
        x,
        objective or Objective(),
        Adam(model.params, lr=1e-3),
        epochs,
        progress=False,
    )
    return model


def output(net, x):
    return np.concatenate([net(x[i : i + 500]) for i in range(0, len(x), 500)])


plain = trained(basic_autoencoder(rng=0, code=32), steps=2500)
print(f"code of 32 numbers: test MSE {mse(output(plain, x_test), x_test)[0]:.5f}")

# %% [markdown]
# ## A judge
#
# Is a made-up picture a digit? Let a classifier say how sure it is: a small net of our own layers, trained with labels and
# cross-entropy. And let us measure how far the picture is from the nearest real one among the training pictures, and how
# sharp it is: the squared differences between neighbouring pixels, beside the squared pixels themselves. None of the three means
# much alone. Real test pictures, which no model has seen, show what is normal. So does noise, for the opposite.

# %%
judge = trained(classifier(rng=0), 1500, classification, (x_train, train.labels))
print(
    f"the judge's accuracy on test pictures: {accuracy(judge, x_test, test.labels):.4f}\n"
)


def judged(name, x):
    sure, (far, _) = max_probability(judge, x), nearest_neighbors(x, x_train)
    print(
        f"{name:<34}{(sure > 0.9).mean():>12.1%}{np.median(far):>18.2f}{np.median(sharpness(x)):>12.3f}"
    )


n = 100 if FAST else 1000
real = x_test[:n]
noise = rng.uniform(size=real.shape).astype(np.float32)
heading = f"{'':<34}{'sure > 0.9':>12}{'nearest (median)':>18}{'sharpness':>12}"
print(heading)
judged("real test pictures", real)
judged("rebuilt from 32 numbers", output(plain, real))
judged("noise", noise)

# %% [markdown]
# **What to look at.** Are rebuilt pictures nearer to real ones than real ones are to each other? What may they have lost? And
# look at what the judge makes of noise, which is no digit at all. A judge that never learned to say "none of these" can be sure
# of anything, so we shall read its answer only beside the distance.
#
# ## 1 · Codes that nobody has asked for
#
# The loss sees the decoder $g$ through the codes of the data and nowhere else:
#
# $$L = \frac{1}{ND}\sum_n\lVert g(f(x_n)) - x_n\rVert^2,\qquad
# \frac{\partial L}{\partial g(z)} = \begin{cases}
# \frac{2}{ND}\big(g(z) - x_n\big) & \text{where } z = f(x_n)\\[2pt]
# 0 & \text{at any other } z.
# \end{cases}$$
#
# At any other $z$ the decoder's answer is whatever its weights happen to give. And where the codes lie is left open, too: put an
# invertible map $A$ behind the encoder and $A^{-1}$ before the decoder, and no loss changes,
#
# $$g\big(A^{-1}A f(x)\big) = g(f(x)),$$
#
# while codes drawn from one and the same distribution now decode to something else. Here is the check, with $A$ = 20 times.

# %%
stretched = plain.map_params(np.copy)
for name in ("weight", "bias"):
    stretched.params[f"encoder.4.{name}"][...] *= 20  # A behind the encoder
stretched.params["decoder.0.weight"][...] /= 20  # and A⁻¹ before the decoder

drawn = rng.normal(size=(n, 32)).astype(np.float32)
for name, model in [("as trained", plain), ("stretched", stretched)]:
    sure = (max_probability(judge, model.decode(drawn)) > 0.9).mean()
    print(
        f"{name:<12} test MSE {mse(output(model, x_test), x_test)[0]:.7f}   codes: standard deviation "
        f"{model.encode(x_test).std():6.2f}   decoded N(0, 1): judge sure of {sure:.1%}"
    )

# %% [markdown]
# So "draw a standard normal code" cannot be right: the model has never heard of it. We can be kinder, look where its codes lie,
# and draw from the normal distribution with the codes' own mean and covariance.

# %%
codes = output(plain.encoder, x_train)
fitted = rng.multivariate_normal(codes.mean(axis=0), np.cov(codes.T), size=n).astype(
    np.float32
)
made = {"N(0, 1)": plain.decode(drawn), "fitted N": plain.decode(fitted)}
print(heading)
judged("real test pictures", real)
for name, x in made.items():
    judged(f"decoded codes, {name}", x)

closest = {name: nearest_neighbors(x[:14], x_train)[1] for name, x in made.items()}
rows = {"real": real[:14]}
for name, x in made.items():
    rows |= {name: x[:14], " " * len(rows) + "nearest real": x_train[closest[name]]}
show(
    plot_reconstructions(*rows.values(), names=[*rows]), f"07_random_codes_{data.name}"
)

# %% [markdown]
# **What to look at.** Under each made-up picture stands the real one that is nearest to it. With standard normal codes, how many
# different pictures does one get? Is what the fitted codes give a digit, a piece of one, or two at once? Compare the judge's
# answers and the distances with those of real pictures, not with 0 and 1. A normal distribution has one hill; the codes have
# at least ten, with valleys between them, and a draw falls into a valley as easily as on a hill.
#
# ## 2 · Holes in the plane
#
# With a code of two numbers all this can be seen. We decode the plane on a grid, and colour it by how sure the judge is.

# %%
plane = trained(basic_autoencoder(rng=0, code=2), steps=5000)
codes2 = output(plane.encoder, x_train)
(low, high), few = (
    np.percentile(codes2, [2, 98], axis=0),
    rng.permutation(len(codes2))[:1000],
)
side = 25 if FAST else 60
cells = decode_grid(plane, low, high, side)
sure = max_probability(judge, cells).reshape(side, side)

fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.8), layout="constrained")
axes[0].imshow(
    sure,
    extent=(low[0], high[0], low[1], high[1]),
    aspect="auto",
    cmap="gray",
    vmin=0.2,
    vmax=1,
)
plot_codes(codes2[few], train.labels[few], axes[0])
axes[0].collections[0].set_antialiased(False)  # a smaller file
axes[0].set(
    xlim=(low[0], high[0]),
    ylim=(low[1], high[1]),
    title="codes; dark: the judge is not sure",
)
sheet = mosaic(decode_grid(plane, low, high, 12), columns=12, fill=0.0)
axes[1].imshow(sheet, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
axes[1].set(xticks=[], yticks=[], title="the same part of the plane, decoded")
show(axes[0], f"07_holes_{data.name}")

z1, z2 = np.meshgrid(
    np.linspace(low[0], high[0], side), np.linspace(high[1], low[1], side)
)
grid = np.stack([z1.ravel(), z2.ravel()], axis=1).astype(np.float32)
usual = np.quantile(
    nearest_neighbors(output(plane.encoder, x_test), codes2)[0], 0.99
)  # how far test pictures' codes are from one of these
hole = nearest_neighbors(grid, codes2)[0] > usual
far = nearest_neighbors(cells, x_train)[0]
print(
    f"{'part of the plane':<34}{'share':>8}{'sure > 0.9':>12}{'nearest picture (median)':>26}"
)
for name, part in [("further from any code than usual", hole), ("the rest", ~hole)]:
    if part.any():
        print(
            f"{name:<34}{part.mean():>8.1%}{(sure.ravel()[part] > 0.9).mean():>12.1%}{np.median(far[part]):>26.2f}"
        )

# %% [markdown]
# **What to look at.** Each class has a region of its own, thin or fat, long or short, as it came. Find a place without points,
# and look at the same place on the right: what stands there? ("Usual" is how far 99 of 100 test pictures' codes are from the
# nearest code of a training picture.) Far outside the decoder goes on as it was in the last place that it was asked about, and
# the judge may well be sure; between the regions nothing holds it. Some classes are neighbours of others for no reason that an
# eye would give. A walk in a straight line shows it: from the code of one picture to that of another.

# %%
labels = test.labels
ends = [np.flatnonzero(labels == a)[0] for a in (0, 1)]
t = np.linspace(0, 1, 13, dtype=np.float32)[:, None]
walks = {}
for name, model in [("2 numbers", plane), ("32 numbers", plain)]:
    start, end = model.encode(x_test[ends])
    walks[name] = model.decode((1 - t) * start + t * end)
start, end = x_test[ends]
walks["pixels"] = (1 - t) * start + t * end
show(plot_reconstructions(*walks.values(), names=[*walks]), f"07_walk_{data.name}")

pairs = rng.integers(len(x_test), size=(n, 2))
for name, model in [("2 numbers", plane), ("32 numbers", plain)]:
    z = output(model.encoder, x_test)
    middle = model.decode((z[pairs[:, 0]] + z[pairs[:, 1]]) / 2)
    print(
        f"halfway between two test pictures' codes, {name:<11} the judge is sure (> 0.9) of "
        f"{(max_probability(judge, middle) > 0.9).mean():.1%}"
    )

# %% [markdown]
# **What to look at.** Does the walk pass through other digits, or through something that is none? In the last row the pixels
# themselves are mixed: one picture fades out while the other fades in. Is the code better than that, and is it good enough?
#
# ## 3 · Blur is the best answer
#
# Suppose that the code cannot tell two pictures $a$ and $b$ apart: the same digit, say, a little to the left or to the right.
# The decoder must give one answer $y$ for both. Which?
#
# $$L(y) = \tfrac12\,\mathrm{mse}(y, a) + \tfrac12\,\mathrm{mse}(y, b),\qquad
# dy = \frac{1}{D}(y - a) + \frac{1}{D}(y - b) = \frac{2}{D}\Big(y - \frac{a+b}{2}\Big) .$$
#
# It is 0 in one place, at the mean of the two: a double picture, which is neither of them. The second derivative is $2/D$
# everywhere, so a single step of $D/2$ times the gradient leads there from anywhere. Let the library's `mse` do it, from noise.

# %%
a = test.images[np.flatnonzero(labels == 4)[0]]  # (1, 28, 28)
b = np.roll(a, 3, axis=-1)
pair = np.concatenate([a, b]).reshape(2, -1).astype(np.float64)


def loss(y):
    return (mse(y, pair[0])[0] + mse(y, pair[1])[0]) / 2


y = rng.uniform(size=784)
dy = (mse(y, pair[0])[1] + mse(y, pair[1])[1]) / 2
y -= 784 / 2 * dy
print(
    f"largest difference between the answer and the mean of both: {np.abs(y - pair.mean(axis=0)).max():.0e}"
)
blurred = (
    sum(
        np.roll(a, (i, j), axis=(-2, -1)) for i in (-1, 0, 1) for j in (-1, 0, 1)
    ).reshape(-1)
    / 9
)
print(f"\n{'answer':<28}{'loss':>9}{'sharpness':>12}")
for name, answer in [
    ("a", pair[0]),
    ("b", pair[1]),
    ("the mean", y),
    ("an empty picture", 0 * y),
]:
    print(f"{name:<28}{loss(answer):>9.4f}{sharpness(answer[None])[0]:>12.3f}")
print(f"\n{'compared with a alone':<28}{'mse':>9}")
moved = np.roll(a, 1, axis=-1).reshape(-1)
for name, answer in [
    ("a moved by one pixel", moved),
    ("a blurred, means of 3×3", blurred),
    ("an empty picture", 0 * y),
]:
    print(f"{name:<28}{mse(answer.astype(np.float64), pair[0])[0]:>9.4f}")

pictures = {
    "a": pair[0],
    "b": pair[1],
    "the best answer to both": y,
    "a, one pixel to the right": moved,
    "a, blurred": blurred,
}
fig, axes = plt.subplots(1, 5, figsize=(10, 2.3), layout="constrained")
for ax, (name, picture) in zip(axes, pictures.items(), strict=True):
    ax.imshow(picture.reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.set_title(name, fontsize=10)
show(axes[0], f"07_blur_{data.name}")

# %% [markdown]
# **What to look at.** In the table `a` and `b` are pictures, and the mean is none; the loss prefers the mean. In the second
# one, an eye hardly sees that the digit was moved, and sees at once that the other is blurred; the loss has it the other way
# round. It compares pixel with pixel, and knows nothing of strokes.
#
# A trained model is in the same position, with more than two pictures: whatever its code cannot tell apart, it averages. The
# shorter the code, the more there is to average.

# %%
print(f"{'numbers a code':<18}{'test MSE':>10}{'sharpness':>12}")
rebuilt = {}
for size in (2, 4, 8, 32):
    model = {2: plane, 32: plain}.get(size) or trained(
        basic_autoencoder(rng=0, code=size), steps=2500
    )
    rebuilt[f"{size} numbers"] = y = output(model, x_test)
    print(f"{size:<18}{mse(y, x_test)[0]:>10.5f}{np.median(sharpness(y)):>12.3f}")
print(f"{'real':<18}{'':>10}{np.median(sharpness(x_test)):>12.3f}")
few = np.concatenate([np.flatnonzero(labels == label)[1:2] for label in range(10)])
rows = {"real": x_test[few]} | {name: y[few] for name, y in rebuilt.items()}
show(plot_reconstructions(*rows.values(), names=[*rows]), f"07_sharpness_{data.name}")

# %% [markdown]
# **What to look at.** Go down a column. Where the model is not sure of a stroke's place, is there a thin stroke in one of the
# places, or a grey cloud over all of them?
#
# ## 4 · No likelihood
#
# Is a picture that is rebuilt well a likely one? If the error $E(x) = \lVert\hat x - x\rVert^2$ were something like $-\log
# p(x)$, then $p(x) = e^{-E(x)}/Z$, and $Z = \int e^{-E(x)}dx$ would have to be finite. Take the linear autoencoder, PCA, with
# mean $\mu$ and orthonormal directions in the columns of $V$. For $x = \mu + Vc$ the code is $V^\top V c = c$ and $\hat x = x$:
#
# $$E(\mu + Vc) = 0\quad\text{for every } c,\ \text{however large},$$
#
# and for any $x$, $E(x)$ is the squared distance to that plane (of 32 dimensions, among 784). So $e^{-E}\ge e^{-1}$ wherever the
# plane is nearer than 1, which is a set of infinite volume: $Z = \infty$, and there is no such density. Real digits, and the same
# ones with a code ten or a thousand times as large, which are nothing like a digit any more:

# %%
pca = pca_autoencoder(x_train, 32)
c = pca.encode(real)
for factor in (1, 10, 1000):
    far = pca.decode(factor * c)
    e = ((pca(far) - far) ** 2).sum(axis=1).mean()
    print(
        f"code times {factor:>5}: pixels from {far.min():>9.1f} to {far.max():>8.1f},  E {e:.1e},  beside ‖x − μ‖² "
        f"{((far - x_train.mean(axis=0)) ** 2).sum(axis=1).mean():.1e}"
    )
print(f"real pictures: E {((pca(real) - real) ** 2).sum(axis=1).mean():.1e}")

# %% [markdown]
# If pixels must lie in [0, 1], they cannot run away, and $Z$ is some finite number. Nobody knows it, and the training has never
# asked for it: $E$ was made small at the data, and nothing was said of its size anywhere else. So is its order at least that of
# likelihoods? Does the nonlinear model find real pictures easier than these?

# %%
smooth = (
    sum(
        np.roll(test.images[:n], (i, j), axis=(-2, -1))
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
    ).reshape(len(real), -1)
    / 9
)
strange = {
    "real": real,
    "half the contrast": real / 2,
    "blurred": smooth,
    "fitted N": made["fitted N"],
    "empty": np.zeros_like(real),
    "the mean": np.repeat(x_train.mean(axis=0)[None], len(real), axis=0),
    "upside down": real[:, ::-1],
    "noise": noise,
}
errors = {
    name: ((output(plain, x) - x) ** 2).mean(axis=1) for name, x in strange.items()
}
print(f"{'':<20}{'MSE (median)':>14}   smaller than that of half of the real pictures")
for name, e in errors.items():
    print(
        f"{name:<20}{np.median(e):>14.5f}   {(e < np.median(errors['real'])).mean():>6.1%}"
    )

fig, ax = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
ax.boxplot(
    [e + 1e-7 for e in errors.values()],
    orientation="horizontal",
    whis=(5, 95),
    showfliers=False,
)
ax.set_yticks(range(1, len(errors) + 1), [*errors])
ax.set(xscale="log", xlabel="mean squared error of the reconstruction")
ax.invert_yaxis()
ax.grid(alpha=0.3, axis="x")
show(ax, f"07_no_likelihood_{data.name}")

# %% [markdown]
# **What to look at.** Which of these are rebuilt better than real digits? The error measures how *simple* a picture is for this
# net, and what is blurred, faint or empty is simple. (Chapter 6 finds anomalies with it all the same: they are mostly
# complicated. Now you know what it will overlook.) Being simple is not yet evidence against a likelihood: chapter 8 has a real
# one, and will say something surprising about the empty picture. But look at the pictures that the model has drawn itself. How
# well does it rebuild them, beside real ones? What it draws is what it can draw, and that says nothing about digits at all.
#
# ## What is missing
#
# | what we saw | what would help | where |
# |---|---|---|
# | random codes, holes | a loss that says where codes should lie; clouds in place of points | variational, adversarial |
# | blur | compare what a net sees; let a discriminator look for the blur | perceptual loss, discriminator |
# | no likelihood | start from a model of $p(x)$ | variational: a bound on $\log p(x)$ |
#
# All of them are in chapter 8, with this chapter's judge.
#
# ## Exercises
#
# 1. **Better than one hill.** Fit a normal distribution to the codes of *each* class, draw from those, and judge the pictures.
#    Why is it better, and what did it need that an autoencoder has not got? *Hint: `codes[train.labels == 3]`; ten
#    covariances.*
# 2. **The median.** Replace the squares in $L(y)$ by absolute values. Which $y$ are best for two pictures, and for three? Are
#    they sharp? *Hint: pixel by pixel; $\sum_i|y - a_i|$ has slope 0 where as many $a_i$ are below as above.*
# 3. **A judge that may say no.** Give the classifier an eleventh class, trained on noise and on pictures with their rows
#    shuffled. How sure is it of the decoded codes now? Is it fooled by anything else? *Hint: `np.concatenate` the data and the
#    labels.*
# 4. **Any order.** Let $h$ be an invertible smooth map of pictures, and train on $h(x)$ in place of $x$. Densities change by
#    the factor $|\det \partial h|$; what happens to a reconstruction error of 0? So could the error have been a likelihood?
#    *Hint: try $h(x) = 2x$ first.*
# 5. **Fill the holes.** Retrain the plane with noise on its *codes*, $z + 0.3\,\varepsilon$, and draw the map again. What does
#    the encoder do against the noise, if nothing holds it back? *Hint: a layer gets no random numbers, an objective does: take
#    the lines of chapter 3's `denoising` and add the noise after the encoder. For the answer, see the stretched model above.
#    This is half of chapter 8.*
