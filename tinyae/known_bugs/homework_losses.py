"""Homework on losses, penalties and the variational autoencoder. ``loss(y, t) -> value, dy``."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.correct_base import sigmoid, softmax
from tinyae.known_bugs.correct_losses import log_softmax, one_hot, rows, softplus
from tinyae.known_bugs.homework_base import TERM, homework

BATCH = r"batch size|1/N|\bN\b|mean over|number of (rows|examples|entries)|factor|times|averag"
HALF = r"half|½|0\.5|1/2|factor|twice|doubl"
AXIS = r"\baxis\b|\baxes\b|keepdims|whole (array|batch)|other (rows|examples)|all (rows|examples)"


@homework("y", BATCH)
def cross_entropy_no_batch_mean(rng):
    """Cross-entropy is a mean over the batch; I forgot 1/N in the gradient."""

    def cross_entropy(y, t):
        return -(t * log_softmax(y)).sum() / len(y), softmax(y) - t

    return cross_entropy, (rows(rng, 1.0), one_hot(rng))


@homework("y", BATCH, r"classes")
def cross_entropy_mean_over_classes(rng):
    """Cross-entropy: I divided the gradient by the number of entries, the loss by that of rows."""

    def cross_entropy(y, t):
        return -(t * log_softmax(y)).sum() / len(y), (softmax(y) - t) / y.size

    return cross_entropy, (rows(rng, 1.0), one_hot(rng))


@homework("y", r"target|one[- ]hot|label|subtract|\bt\b|term|right class")
def cross_entropy_target_forgotten(rng):
    """Cross-entropy: dy = softmax(y)/N, I forgot to subtract the target."""

    def cross_entropy(y, t):
        return -(t * log_softmax(y)).sum() / len(y), softmax(y) / len(y)

    return cross_entropy, (rows(rng, 1.0), one_hot(rng))


@homework("y", r"sign|[−-] ?1\b|negat|minus")
def cross_entropy_sign(rng):
    """Cross-entropy: target minus softmax."""

    def cross_entropy(y, t):
        return -(t * log_softmax(y)).sum() / len(y), (t - softmax(y)) / len(y)

    return cross_entropy, (rows(rng, 1.0), one_hot(rng))


@homework("y", AXIS, r"softmax")
def cross_entropy_softmax_over_batch(rng):
    """Cross-entropy: the softmax in the gradient is over axis 0."""

    def cross_entropy(y, t):
        return -(t * log_softmax(y)).sum() / len(y), (softmax(y, axis=0) - t) / len(y)

    return cross_entropy, (rows(rng, 1.0), one_hot(rng))


@homework("y", r"softmax|logit|probabilit|already|twice")
def cross_entropy_of_logits(rng):
    """Cross-entropy: the gradient takes the logits for probabilities, dy = (y − t)/N."""

    def cross_entropy(y, t):
        return -(t * log_softmax(y)).sum() / len(y), (y - t) / len(y)

    return cross_entropy, (rows(rng, 1.0), one_hot(rng))


@homework("y", r"sigmoid|slope|derivative|twice|p ?\(1|one too many")
def bce_sigmoid_twice(rng):
    """Binary cross-entropy with logits: the gradient p − t is multiplied by σ′ once more."""

    def bce(y, t):
        p = sigmoid(y)
        return (softplus(y) - t * y).mean(), (p - t) * p * (1 - p) / y.size

    return bce, (rows(rng, 1.0), rng.integers(0, 2, (6, 4)).astype(float))


@homework("y", HALF)
def mse_two_forgotten(rng):
    """Mean squared error: I forgot the 2."""

    def mse(y, t):
        return ((y - t) ** 2).mean(), (y - t) / y.size

    return mse, (rows(rng, 1.0), rows(rng, 1.0))


@homework("y", BATCH, r"features")
def mse_divided_by_rows(rng):
    """Mean squared error: the loss is a mean over entries, the gradient is divided by N only."""

    def mse(y, t):
        return ((y - t) ** 2).mean(), 2 * (y - t) / len(y)

    return mse, (rows(rng, 1.0), rows(rng, 1.0))


@homework("y", r"\bδ|delta|clip|outside|large|factor|some entries|threshold|piece")
def huber_delta_forgotten(rng):
    """Huber: outside ±δ the slope is ±δ, I wrote ±1."""

    def huber(y, t, d=0.5):
        e = y - t
        value = np.where(np.abs(e) <= d, 0.5 * e**2, d * (np.abs(e) - 0.5 * d)).mean()
        return value, np.where(np.abs(e) <= d, e, np.sign(e)) / e.size

    return huber, (rows(rng, 1.0), rows(rng, 1.0))


@homework("y", r"sign|[−-] ?1\b|negat|abs|\|")
def huber_sign_forgotten(rng):
    """Huber: outside ±δ I forgot the sign of the error."""

    def huber(y, t, d=0.5):
        e = y - t
        value = np.where(np.abs(e) <= d, 0.5 * e**2, d * (np.abs(e) - 0.5 * d)).mean()
        return value, np.where(np.abs(e) <= d, e, d) / e.size

    return huber, (rows(rng, 1.0), rows(rng, 1.0))


@homework("y", r"product rule|constant|term|path|weight|modulat")
def focal_weight_as_constant(rng):
    """Focal loss: the weight (1 − p)² was treated as a constant."""

    def focal(y, t):
        s = np.where(t > 0, y, -y)
        q = sigmoid(-s)
        return (q**2 * softplus(-s)).mean(), np.where(t > 0, -(q**3), q**3) / y.size

    return focal, (rows(rng, 1.0), rng.integers(0, 2, (6, 4)).astype(float))


@homework(
    "y", r"right class|target|some entries|missing|sum over|one[- ]hot|other (classes|columns)|term"
)
def hinge_right_class_forgotten(rng):
    """Multi-class hinge: the right class gets no gradient."""

    def hinge(y, t):
        over = (1 - t) * np.maximum(0, y - (y * t).sum(axis=1, keepdims=True) + 1)
        return over.sum() / len(y), (over > 0) / len(y)

    return hinge, (rows(rng, 1.0), one_hot(rng))


@homework("y", r"margin|mask|zero|flat|active|satisfied|some entries|clip")
def hinge_margin_ignored(rng):
    """Hinge: the gradient is −t everywhere, also where the margin is kept."""

    def hinge(y, t):
        return np.maximum(0, 1 - t * y).mean(), -t / y.size

    return hinge, (rows(rng, 1.5), rng.choice([-1.0, 1.0], (6, 4)))


@homework("y", r"sign|kink|abs|\bstep\b|derivative|slope|squared")
def l1_gradient_of_l2(rng):
    """L1 loss: dy = 2(y − t), the gradient of the squared error."""

    def l1(y, t):
        return np.abs(y - t).mean(), 2 * (y - t) / y.size

    return l1, (rows(rng, 1.0), rows(rng, 1.0))


@homework("z", AXIS, r"group|norm of (the )?(whole|all)|per row", misleading=TERM)
def group_sparsity_one_norm(rng):
    """Group sparsity Σ‖row‖: I divided by the norm of the whole array."""

    def group_sparsity(z):
        return np.linalg.norm(z, axis=1).sum(), z / np.linalg.norm(z)

    return group_sparsity, (rows(rng, 1.0),)


@homework("z", r"\bnorm\b|root|square|divi", misleading=TERM)
def group_sparsity_root_forgotten(rng):
    """Group sparsity Σ‖row‖: dz = 2z, the gradient of the squared norms."""

    def group_sparsity(z):
        return np.linalg.norm(z, axis=1).sum(), 2 * z

    return group_sparsity, (rows(rng, 1.0),)


@homework("y", r"quotient|denominator|term|fraction|constant|offset")
def dice_quotient_rule(rng):
    """Dice: the denominator was treated as a constant."""

    def dice(y, t):
        p = sigmoid(y)
        top, bottom = 2 * (p * t).sum(), p.sum() + t.sum()
        return 1 - top / bottom, -2 * t / bottom * p * (1 - p)

    return dice, (rows(rng, 1.0), rng.integers(0, 2, (6, 4)).astype(float))


def kl(mean, logvar):
    value = 0.5 * (mean**2 + np.exp(logvar) - 1 - logvar).sum(axis=1)
    return value, (mean, logvar)


@homework("logvar", HALF, r"term")
def kl_half_forgotten(rng):
    """KL to the normal distribution: the ½ is missing in d log σ²."""

    def kl_backward(d, cache):
        mean, logvar = cache
        return d[:, None] * mean, d[:, None] * (np.exp(logvar) - 1)

    return (kl, kl_backward), (rows(rng, 1.0), rows(rng, 0.5))


@homework("logvar", r"σ|sigma|\bstd\b|\blog\b|variance|deviation|\bexp\b")
def kl_sigma_for_logvar(rng):
    """KL: d log σ² is the derivative by σ, σ − 1/σ."""

    def kl_backward(d, cache):
        mean, logvar = cache
        s = np.exp(0.5 * logvar)
        return d[:, None] * mean, d[:, None] * (s - 1 / s)

    return (kl, kl_backward), (rows(rng, 1.0), rows(rng, 0.5))


@homework("logvar", r"sign|offset|\+ ?1|[−-] ?1|constant|term")
def kl_sign_of_one(rng):
    """KL: ½(σ² + 1), it must be ½(σ² − 1)."""

    def kl_backward(d, cache):
        mean, logvar = cache
        return d[:, None] * mean, 0.5 * d[:, None] * (np.exp(logvar) + 1)

    return (kl, kl_backward), (rows(rng, 1.0), rows(rng, 0.5))


def sample(mean, logvar):
    eps = np.random.default_rng(5).normal(size=mean.shape)
    return mean + eps * np.exp(0.5 * logvar), (eps, logvar)


@homework("logvar", HALF)
def reparameterization_half_forgotten(rng):
    """Reparameterization: d log σ² = dz·ε·σ, the ½ is missing."""

    def sample_backward(dz, cache):
        eps, logvar = cache
        return dz, dz * eps * np.exp(0.5 * logvar)

    return (sample, sample_backward), (rows(rng, 1.0), rows(rng, 1.0))


@homework("logvar", r"σ|sigma|\bstd\b|\blog\b|variance|deviation|\bexp\b|chain")
def reparameterization_sigma_for_logvar(rng):
    """Reparameterization: d log σ² = dz·ε, the derivative by σ."""

    def sample_backward(dz, cache):
        return dz, dz * cache[0]

    return (sample, sample_backward), (rows(rng, 1.0), rows(rng, 1.0))


@homework("logvar", r"noise|draw|random|another|ε|eps")
def reparameterization_new_noise(rng):
    """Reparameterization: backward draws new noise."""

    def sample_backward(dz, cache):
        eps = np.random.default_rng(6).normal(size=dz.shape)
        return dz, 0.5 * dz * eps * np.exp(0.5 * cache[1])

    return (sample, sample_backward), (rows(rng, 1.0), rows(rng, 1.0))


@homework("mean, logvar", r"swap|order|exchang")
def reparameterization_swapped(rng):
    """Reparameterization: backward returns the gradients of mean and log σ² in the wrong order."""

    def sample_backward(dz, cache):
        eps, logvar = cache
        return 0.5 * dz * eps * np.exp(0.5 * logvar), dz

    return (sample, sample_backward), (rows(rng, 1.0), rows(rng, 1.0))
