# %% [markdown]
# # 7 · Limitations
#
# *Needs: chapter 1; the classifier is that of chapter 6. Time: about 40 minutes to read, a few to
# run. On a first reading, skip the formulas of section 4.*
#
# An autoencoder promises only one thing: it reconstructs the data that it was trained on. It is
# tempting to expect more. Can I decode any code I like and get a new digit? Does a code halfway
# between two codes decode to an image halfway between two images? Does a small error mean a good
# image? And is an image with a small error a probable one? The answer is no in all four cases. In
# this chapter we do not just claim this, we demonstrate it, and each time we can write down the
# reason. The next chapter presents remedies.
#
# ![Points on a curve in the space of images, the codes of these points, and the decoded images.
# Question marks where no data are.](figures/07_diagram.svg)

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
FAST_NOTE = "(fast mode: nothing has been learned)\n" if FAST else ""
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:1000], data.test[:200]) if FAST else (data.train, data.test)
x_train, x_test = train.flat, test.flat
rng = np.random.default_rng(0)
print(data, "->", x_train.shape, x_test.shape)


def trained(model, steps, objective=None, x=x_train):
    """Train for about this many steps of 128 images, for any number of examples."""
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
print(f"32-dimensional code: test MSE {mse(output(plain, x_test), x_test)[0]:.5f}")

# %% [markdown]
# ## A classifier to evaluate images
#
# Is a generated image a digit? We let a classifier tell us how confident it is. It is a small
# network made of our own layers, trained with labels and the cross-entropy. We also measure two
# other things. The first is the distance from the image to the nearest real training image. The
# second is the sharpness: the squared differences between neighboring pixels, relative to the
# squared pixels themselves. None of the three means much by itself. Real test images, which no
# model has seen, show what values are normal. Noise shows the opposite extreme.

# %%
digit_classifier = trained(
    classifier(rng=0), 1500, classification, (x_train, train.labels)
)
test_accuracy = accuracy(digit_classifier, x_test, test.labels)
print(f"accuracy of the classifier on test images: {test_accuracy:.4f}\n")


def print_scores(name, x):
    confidence = max_probability(digit_classifier, x)
    distance, _ = nearest_neighbors(x, x_train)
    print(
        f"{name:<32}{(confidence > 0.9).mean():>16.1%}"
        f"{np.median(distance):>18.2f}{np.median(sharpness(x)):>12.3f}"
    )


n = 100 if FAST else 1000
real = x_test[:n]
noise = rng.uniform(size=real.shape).astype(np.float32)
heading = f"{'':<32}{'confidence > 0.9':>16}{'nearest (median)':>18}{'sharpness':>12}"
print(heading)
print_scores("real test images", real)
print_scores("reconstructed (32 dimensions)", output(plain, real))
print_scores("noise", noise)
print(FAST_NOTE, end="")

# %% [markdown]
# **What to look at.** Are reconstructed images closer to real images than real images are to each
# other? What may they have lost? And look at how confident the classifier is about noise, which is
# not a digit at all. A classifier that never learned to say "none of these" can be confident about
# anything, so we will only interpret its answer together with the distance.
#
# <details><summary>Answer</summary>
#
# After a full training, reconstructed images are closer to real images than real images are to each
# other: they have lost what makes an image special, and its sharp edges. The sharpness shows the
# second loss. The classifier may well be confident about a large fraction of the noise. (In fast
# mode the classifier is confident about nothing, and the model draws a blur.)
#
# </details>
#
# ## 1 · Codes that never occurred in training
#
# The loss evaluates the decoder $g$ at the codes of the data and nowhere else:
#
# $$L = \frac{1}{ND}\sum_n\lVert g(f(x_n)) - x_n\rVert^2,\qquad
# \frac{\partial L}{\partial g(z)} = \begin{cases}
# \frac{2}{ND}\big(g(z) - x_n\big) & \text{where } z = f(x_n)\\[2pt]
# 0 & \text{at any other } z.
# \end{cases}$$
#
# At any other $z$ the output of the decoder is whatever its weights happen to give. The loss does
# not determine where the codes are, either. Put an invertible map $A$ after the encoder and
# $A^{-1}$ before the decoder, and the loss does not change,
#
# $$g\big(A^{-1}A f(x)\big) = g(f(x)),$$
#
# but codes sampled from the same fixed distribution now decode to something else. Let us check
# this, where $A$ is multiplication by 20.

# %%
stretched = plain.map_params(np.copy)
for name in ("weight", "bias"):
    stretched.params[f"encoder.4.{name}"][...] *= 20  # A after the encoder
stretched.params["decoder.0.weight"][...] /= 20  # and A⁻¹ before the decoder

sampled = rng.normal(size=(n, 32)).astype(np.float32)
for name, model in [("as trained", plain), ("stretched", stretched)]:
    confidence = max_probability(digit_classifier, model.decode(sampled))
    print(f"{name}: test MSE {mse(output(model, x_test), x_test)[0]:.7f}")
    print(f"  standard deviation of the codes {model.encode(x_test).std():.2f}")
    print(f"  decoded N(0, 1): confidence > 0.9 for {(confidence > 0.9).mean():.1%}")
print(FAST_NOTE, end="")

# %% [markdown]
# So "sample a code from the standard normal distribution" cannot be right in general: nothing in
# the training made the codes follow that distribution. Let us give the model a better chance. We
# look at where its codes actually are, and sample from the normal distribution that has the mean
# and covariance of the codes.

# %%
codes = output(plain.encoder, x_train)
fitted = rng.multivariate_normal(codes.mean(axis=0), np.cov(codes.T), size=n).astype(
    np.float32
)
generated = {"N(0, 1)": plain.decode(sampled), "fitted N": plain.decode(fitted)}
print(heading)
print_scores("real test images", real)
for name, x in generated.items():
    print_scores(f"decoded codes, {name}", x)
print(FAST_NOTE, end="")

closest = {name: nearest_neighbors(x[:14], x_train)[1] for name, x in generated.items()}
rows = {"real": real[:14]}
for name, x in generated.items():
    rows |= {name: x[:14], " " * len(rows) + "nearest real": x_train[closest[name]]}

# %% tags=["hide-input"]
show(
    plot_reconstructions(*rows.values(), names=[*rows]), f"07_random_codes_{data.name}"
)

# %% [markdown]
# **What to look at.** Below each generated image is the real image that is closest to it. With
# standard normal codes, how many different images do you get? With the fitted normal distribution,
# do you see a digit, part of a digit, or two digits at once? Compare the classifier's confidence
# and the distances with those of real images, not with 0 and 1. A normal distribution has a single
# peak. The codes form at least ten clusters, one or more per class, with gaps between them, and a
# sample can easily fall into a gap.
#
# <details><summary>Answer</summary>
#
# After a full training, standard normal codes give few different images, or shapes that are no
# digits: they lie close together, compared with the codes of the data, and often where no data are.
# The fitted normal distribution gives digits, parts of digits, and two digits at once. Its
# confidence is below that of real images, and its distances are larger. (In fast mode all images
# look alike.)
#
# </details>
#
# ## 2 · Holes in the plane
#
# With a two-dimensional code we can see all of this. We decode the points of a grid, and shade the
# plane by how confident the classifier is.

# %%
plane = trained(basic_autoencoder(rng=0, code=2), steps=5000)
codes2 = output(plane.encoder, x_train)
low, high = np.percentile(codes2, [2, 98], axis=0)
few = rng.permutation(len(codes2))[:1000]
side = 25 if FAST else 60
cells = decode_grid(plane, low, high, side)
confidence = max_probability(digit_classifier, cells).reshape(side, side)

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.8), layout="constrained")
axes[0].imshow(
    confidence,
    extent=(low[0], high[0], low[1], high[1]),
    aspect="auto",
    cmap="gray",
    vmin=0.2,
    vmax=1,
)
plot_codes(codes2[few], train.labels[few], axes[0])
axes[0].collections[0].set_antialiased(False)  # makes the file smaller
axes[0].set(
    xlim=(low[0], high[0]),
    ylim=(low[1], high[1]),
    title="codes; dark: the classifier is not confident",
)
sheet = mosaic(decode_grid(plane, low, high, 12), columns=12, fill=0.0)
axes[1].imshow(sheet, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
axes[1].set(xticks=[], yticks=[], title="the same part of the plane, decoded")
show(axes[0], f"07_holes_{data.name}")

# %%
z1, z2 = np.meshgrid(
    np.linspace(low[0], high[0], side), np.linspace(high[1], low[1], side)
)
grid = np.stack([z1.ravel(), z2.ravel()], axis=1).astype(np.float32)
# distance from a test code to the nearest training code, for 99 of 100 test codes
usual = np.quantile(nearest_neighbors(output(plane.encoder, x_test), codes2)[0], 0.99)
hole = nearest_neighbors(grid, codes2)[0] > usual
distance = nearest_neighbors(cells, x_train)[0]
print(f"{'':<56}nearest image")
print(f"{'part of the plane':<34}{'area':>6}{'confidence > 0.9':>18}{'(median)':>11}")
for name, part in [("farther from any code than usual", hole), ("the rest", ~hole)]:
    if part.any():
        print(
            f"{name:<34}{part.mean():>6.1%}"
            f"{(confidence.ravel()[part] > 0.9).mean():>18.1%}"
            f"{np.median(distance[part]):>11.2f}"
        )
print(FAST_NOTE, end="")

# %% [markdown]
# **What to look at.** Each class has its own region. The regions have different shapes and sizes,
# because nothing in the loss controls them. Find a place without any points, and look at the same
# place on the right: what does the decoder draw there? (In the table, "farther from any code than
# usual" means farther than 99 of 100 test codes are from the nearest training code.) Far outside
# the data, the decoder extrapolates from the nearest region that it was trained on, so the
# classifier may well be confident there. Between the regions, nothing determines what it draws.
# Some classes are neighbors for no reason that you could see in the images. A walk along a straight
# line shows this. It goes from the code of one image to the code of another.
#
# <details><summary>Answer: what the decoder draws there</summary>
#
# Where there are no points, the decoder draws a mixture of the digits around the place, or an
# unclear shape, and it does so without any warning. This is a hole.
#
# </details>

# %%
labels = test.labels
ends = [np.flatnonzero(labels == a)[0] for a in (0, 1)]
t = np.linspace(0, 1, 13, dtype=np.float32)[:, None]
walks = {}
for name, model in [("2 dimensions", plane), ("32 dimensions", plain)]:
    start, end = model.encode(x_test[ends])
    walks[name] = model.decode((1 - t) * start + t * end)
start, end = x_test[ends]
walks["pixels"] = (1 - t) * start + t * end

# %% tags=["hide-input"]
show(plot_reconstructions(*walks.values(), names=[*walks]), f"07_walk_{data.name}")

# %%
pairs = rng.integers(len(x_test), size=(n, 2))
print("decoded codes halfway between the codes of two test images")
for name, model in [("2 dimensions", plane), ("32 dimensions", plain)]:
    z = output(model.encoder, x_test)
    middle = model.decode((z[pairs[:, 0]] + z[pairs[:, 1]]) / 2)
    confidence = max_probability(digit_classifier, middle)
    print(f"  {name:<14} confidence > 0.9 for {(confidence > 0.9).mean():.1%}")
print(FAST_NOTE, end="")

# %% [markdown]
# **What to look at.** Does the walk pass through other digits, or through something that is not a
# digit? In the last row the pixels themselves are mixed: one image fades out while the other fades
# in. Is interpolating between codes better than that, and is it good enough?
#
# <details><summary>Answer</summary>
#
# With two dimensions, the walk usually passes through regions of other digits. With 32 dimensions,
# it usually passes through something in between that is not a digit, although strokes do move and
# bend. Mixing pixels never moves a stroke. So interpolating codes is better than mixing pixels, but
# not good enough: the printed confidence halfway is clearly below that of real images. (In fast
# mode all three are meaningless.)
#
# </details>
#
# ## 3 · Blur is the best answer
#
# Suppose that two images $a$ and $b$ have the same code. For example, they show the same digit, a
# little more to the left or to the right. The decoder must give a single output $y$ for both. Which
# output is best?
#
# $$L(y) = \tfrac12\,\mathrm{mse}(y, a) + \tfrac12\,\mathrm{mse}(y, b),\qquad
# dy = \frac{1}{D}(y - a) + \frac{1}{D}(y - b) = \frac{2}{D}\Big(y - \frac{a+b}{2}\Big) .$$
#
# The gradient is 0 at exactly one point, the mean of the two. This is a double image, which is
# neither $a$ nor $b$. The second derivative is $2/D$ everywhere, so a single gradient step with
# step size $D/2$ reaches the minimum from anywhere. Let us do it with the library's `mse`, starting
# from noise.

# %%
a = test.images[np.flatnonzero(labels == 4)[0]]  # (1, 28, 28)
b = np.roll(a, 3, axis=-1)
pair = np.concatenate([a, b]).reshape(2, -1).astype(np.float64)


def loss(y):
    return (mse(y, pair[0])[0] + mse(y, pair[1])[0]) / 2


y = rng.uniform(size=784)
dy = (mse(y, pair[0])[1] + mse(y, pair[1])[1]) / 2
y -= 784 / 2 * dy
difference = np.abs(y - pair.mean(axis=0)).max()
print(f"largest difference between y and the mean of a and b: {difference:.0e}")
blurred = (
    sum(
        np.roll(a, (i, j), axis=(-2, -1)) for i in (-1, 0, 1) for j in (-1, 0, 1)
    ).reshape(-1)
    / 9
)
print(f"\n{'output y':<28}{'loss':>9}{'sharpness':>12}")
for name, y_try in [
    ("a", pair[0]),
    ("b", pair[1]),
    ("the mean", y),
    ("an empty image", 0 * y),
]:
    print(f"{name:<28}{loss(y_try):>9.4f}{sharpness(y_try[None])[0]:>12.3f}")
print(f"\n{'compared with a alone':<28}{'mse':>9}")
moved = np.roll(a, 1, axis=-1).reshape(-1)
for name, y_try in [
    ("a, moved by one pixel", moved),
    ("a, blurred (3×3 means)", blurred),
    ("an empty image", 0 * y),
]:
    print(f"{name:<28}{mse(y_try.astype(np.float64), pair[0])[0]:>9.4f}")

images = {
    "a": pair[0],
    "b": pair[1],
    "best output for both": y,
    "a, one pixel to the right": moved,
    "a, blurred": blurred,
}

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 5, figsize=(10, 2.3), layout="constrained")
for ax, (name, image) in zip(axes, images.items(), strict=True):
    ax.imshow(image.reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.set_title(name, fontsize=10)
show(axes[0], f"07_blur_{data.name}")

# %% [markdown]
# **What to look at.** In the first table, `a` and `b` are real images and the mean is not. Which of
# them does the loss prefer? In the second table, a person hardly notices that the digit was moved,
# and sees immediately that the other one is blurred. What does the loss say?
#
# <details><summary>Answer</summary>
#
# The loss prefers the mean: its loss is half of that of `a` or `b`. And it says the opposite of the
# person: moving the digit by one pixel is a larger error than blurring it. It compares images pixel
# by pixel, and knows nothing about strokes. No training is involved, so this holds in any mode.
#
# </details>
#
# A trained model is in the same situation, with more than two images. If several images have nearly
# the same code, the decoder outputs their average. The fewer dimensions the code has, the more
# there is to average.

# %%
print(f"{'code dimensions':<18}{'test MSE':>10}{'sharpness':>12}")
reconstructed = {}
for size in (2, 4, 8, 32):
    model = {2: plane, 32: plain}.get(size) or trained(
        basic_autoencoder(rng=0, code=size), steps=2500
    )
    reconstructed[f"{size} dimensions"] = y = output(model, x_test)
    print(f"{size:<18}{mse(y, x_test)[0]:>10.5f}{np.median(sharpness(y)):>12.3f}")
print(f"{'real':<18}{'':>10}{np.median(sharpness(x_test)):>12.3f}")
print(FAST_NOTE, end="")
few = np.concatenate([np.flatnonzero(labels == label)[1:2] for label in range(10)])
rows = {"real": x_test[few]} | {name: y[few] for name, y in reconstructed.items()}

# %% tags=["hide-input"]
show(plot_reconstructions(*rows.values(), names=[*rows]), f"07_sharpness_{data.name}")

# %% [markdown]
# **What to look at.** Go down a column. Where the model is not sure about the position of a stroke,
# does it draw a thin stroke in one of the possible positions, or a gray cloud over all of them?
#
# <details><summary>Answer</summary>
#
# A gray cloud. It has the smaller expected squared error, by the calculation above. The fewer
# dimensions, the larger the cloud: after a full training, both the error and the lack of sharpness
# grow as the code gets smaller.
#
# </details>
#
# ## 4 · The error is not a likelihood
#
# Is an image that is reconstructed well also a probable one? Suppose that the error
# $E(x) = \lVert\hat x - x\rVert^2$ were something like $-\log p(x)$. Then $p(x) = e^{-E(x)}/Z$, and
# $Z = \int e^{-E(x)}dx$ would have to be finite. Take the linear autoencoder, PCA, with mean $\mu$
# and orthonormal directions in the columns of $V$. For $x = \mu + Vc$ the code is $V^\top V c = c$
# and $\hat x = x$:
#
# $$E(\mu + Vc) = 0\quad\text{for every } c,\ \text{no matter how large},$$
#
# and for any $x$, $E(x)$ is the squared distance to the subspace of these points (32 dimensions out
# of 784). So $e^{-E}\ge e^{-1}$ wherever the distance to the subspace is at most 1. This region has
# infinite volume, so $Z = \infty$, and no such density exists. The following cell takes real digits
# and multiplies their codes by 10 and by 1000. The results no longer look like digits at all:

# %%
pca = pca_autoencoder(x_train, 32)
c = pca.encode(real)
for factor in (1, 10, 1000):
    far = pca.decode(factor * c)
    e = ((pca(far) - far) ** 2).sum(axis=1).mean()
    squared_distance = ((far - x_train.mean(axis=0)) ** 2).sum(axis=1).mean()
    print(f"code times {factor}: pixels from {far.min():.1f} to {far.max():.1f}")
    print(f"  E = {e:.1e}, compared with ‖x − μ‖² = {squared_distance:.1e}")
print(f"real images: E = {((pca(real) - real) ** 2).sum(axis=1).mean():.1e}")

# %% [markdown]
# If the pixels must be in [0, 1], they cannot become arbitrarily large, and $Z$ is finite. But
# nobody knows its value, and the training never uses it: $E$ was made small at the data, and
# nothing was said about its value anywhere else. Does $E$ at least put images in the same order as
# a likelihood would? Let us see whether the nonlinear model gives real images a smaller error than
# these:

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
    "fitted N": generated["fitted N"],
    "empty": np.zeros_like(real),
    "the mean": np.repeat(x_train.mean(axis=0)[None], len(real), axis=0),
    "upside down": real[:, ::-1],
    "noise": noise,
}
errors = {
    name: ((output(plain, x) - x) ** 2).mean(axis=1) for name, x in strange.items()
}
median = np.median(errors["real"])
print(f"{'':<20}{'median MSE':>14}   below the median of real images")
for name, e in errors.items():
    print(f"{name:<20}{np.median(e):>14.5f}   {(e < median).mean():>6.1%}")
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
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
# **What to look at.** Which of these are reconstructed better than real digits? The error measures
# how *simple* an image is for this model, and blurred, faint and empty images are simple. (Chapter
# 6 uses the error to find anomalies anyway, and it works because most anomalies are complicated.
# Now you know which ones it will miss.) That simple images have a small error does not prove by
# itself that the error is not a likelihood. Chapter 8 has a real likelihood, and it will say
# something surprising about the empty image. But look at the images that the model itself has
# generated ("fitted N"). How well does it reconstruct them, compared with real ones? What a model
# generates is, by construction, something that it can draw. This says nothing about whether it is a
# digit.
#
# <details><summary>Answer</summary>
#
# After a full training, the faint, the blurred and the empty images have smaller errors than real
# digits, and noise has a far larger one. The images that the model has generated itself are also
# reconstructed better than real ones, although many of them are not digits. (In fast mode a part of
# this order is different: the untrained model outputs similar images for every input, so the errors
# mostly say how close each image is to those.)
#
# </details>
#
# ## What is missing
#
# | what we saw | what would help | where |
# |---|---|---|
# | random codes, holes | a loss that says where codes should be | variational, adversarial |
# | blur | compare features, or let a discriminator detect the blur | perceptual, discriminator |
# | no likelihood | start from a model of $p(x)$ | variational: a bound on $\log p(x)$ |
#
# Chapter 8 covers all of them, with the classifier of this chapter.
#
# ## Exercises
#
# Answers: [answers/07_limitations.py](answers/07_limitations.py)
#
# 1. **Better than one peak.** Fit a normal distribution to the codes of *each* class, sample from
#    those, and evaluate the images. Why is it better, and what did it need that an autoencoder does
#    not have? *Hint: `codes[train.labels == 3]`; you need ten means and ten covariances.*
# 2. **The median.** Replace the squares in $L(y)$ with absolute values. Which $y$ is best for two
#    images, and for three? Is the result sharp? *Hint: treat each pixel separately.
#    $\sum_i|y - a_i|$ has derivative 0 where the number of $a_i$ below $y$ equals the number
#    above.*
# 3. **A classifier that can say no.** Give the classifier an eleventh class, trained on noise and
#    on images with shuffled rows. How confident is it about the decoded codes now? Can something
#    else still fool it? *Hint: use `np.concatenate` on the images and on the labels.*
# 4. **Any order is possible.** Let $h$ be a smooth invertible map on images, and train on $h(x)$
#    instead of $x$. Densities change by the factor $|\det \partial h|$. What happens to a
#    reconstruction error of 0? So could the error have been a likelihood? *Hint: try $h(x) = 2x$
#    first.*
# 5. **Fill the holes.** Retrain the plane with noise on its *codes*, $z + 0.3\,\varepsilon$, and
#    plot the map again. What does the encoder do about the noise if nothing limits its codes?
#    *Hint: a layer does not receive a random generator, but an objective does. Take the lines of
#    chapter 3's `denoising` and add the noise after the encoder. For the answer, see the stretched
#    model above. This is half of chapter 8.*
#
# **You can now** say what the loss of an autoencoder determines and what it leaves open, and show
# each of the four limitations with an experiment.
#
# **Next:** chapter 8 has a remedy for each of them.
#
# **In the real world:** these limitations have consequences: a generative model can find images of
# another data set more probable than its own (Nalisnick et al., *Do deep generative models know
# what they don't know?*, 2019), classifiers are confident about nonsense (Nguyen, Yosinski and
# Clune, *Deep neural networks are easily fooled*, 2015), and squared errors blur super-resolution,
# which changed its losses (Ledig et al., *Photo-realistic single image super-resolution using a
# generative adversarial network*, 2017).
