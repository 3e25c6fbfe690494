"""What ``tinyae train NAME`` trains: an architecture and an objective under a name, and what of it can be set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from tinyae import models
from tinyae._validate import did_you_mean
from tinyae.applications.features import accuracy
from tinyae.backend import to_device
from tinyae.data import Dataset, Gaussian, Masking, SaltAndPepper
from tinyae.data.corruption import Corruption
from tinyae.layers import Autoencoder, KSparse, ReLU
from tinyae.losses import Perceptual, bce
from tinyae.objectives.adversarial import Adversarial, GeneratorLoss, codes, reconstructions
from tinyae.objectives.autoencoder import Objective
from tinyae.objectives.classification import classification
from tinyae.objectives.variational import Variational
from tinyae.optim import Adam
from tinyae.penalties import KLSparsity, l1
from tinyae.training import fit

NOISES = {"gaussian": Gaussian, "masking": Masking, "salt-and-pepper": SaltAndPepper}


@dataclass(frozen=True)
class Preset:
    """
    Args:
        build: ``build(image_shape, seed)`` makes the model.
        objective: what it minimises, where that needs nothing else.
        prepare: ``prepare(model, data, beta, seed, device, workers)`` makes the objective where it needs a net of its own.
        beta: the weight that ``prepare`` is given; else that of the objective's own ``beta``.
        flat: the model takes (N, D) instead of (N, C, H, W).
        can_sample: codes of new pictures can be drawn from N(0, 1).
        sets: what else of the model can be set, ``rho`` or ``k``: further arguments of ``build``.
    """

    about: str
    build: Callable[..., Autoencoder]
    objective: Callable[..., Any] = Objective()
    prepare: Callable[..., Any] | None = None
    beta: float | None = None
    flat: bool = True
    epochs: int = 20
    can_sample: bool = False
    sets: tuple[str, ...] = ()

    def examples(self, images: Any) -> Any:
        """Images (N, C, H, W) in the shape that the model takes."""
        return images.reshape(len(images), -1) if self.flat else images

    @property
    def options(self) -> tuple[str, ...]:
        """What ``with_options`` takes."""
        if self.prepare:
            return ("beta",)
        if not isinstance(self.objective, Objective):
            return ("beta", *self.sets)
        return (
            "contraction",
            "noise",
            *(["beta"] if self.objective.code_penalty else []),
            *self.sets,
        )

    def with_options(self, **options: Any) -> Preset:
        """The same with another ``contraction`` λ, ``noise`` ("masking:0.25"), weight ``beta``, ``rho`` or ``k``. None leaves
        what there is.

        Raises:
            ValueError: a model that has no such option; a value out of range.
        """
        new = self
        for name, value in options.items():
            if value is None:
                continue
            if name not in self.options:
                raise ValueError(
                    f"--{name}: this model has no such term; it has {', '.join(f'--{o}' for o in self.options)}"
                )
            if name in ("rho", "k"):
                new = replace(new, build=partial(new.build, **{name: value}))
            if name == "rho":
                new = replace(new, objective=replace(new.objective, code_penalty=KLSparsity(value)))
            elif name == "noise":
                new = replace(new, objective=replace(new.objective, corrupt=noise(value)))
            elif name == "beta" and self.prepare:
                new = replace(new, beta=value)
            elif name in ("beta", "contraction"):
                new = replace(new, objective=replace(new.objective, **{name: value}))
        return new

    def prepared(
        self, model: Autoencoder, data: Dataset, seed: int, device: str, workers: int | None
    ) -> Callable[..., Any]:
        """The objective to train ``model`` with. The same seed and workers make the same."""
        return (
            self.prepare(model, data, self.beta, seed, device, workers)
            if self.prepare
            else self.objective
        )


def noise(text: str) -> Corruption:
    """``"masking:0.25"`` -> ``Masking(0.25)``.

    Raises:
        ValueError: another form, an unknown kind, a value out of range.
    """
    kind, _, amount = text.partition(":")
    kind = kind.replace("_", "-")
    if kind not in NOISES:
        raise ValueError(did_you_mean("noise", kind, NOISES))
    try:
        value = float(amount)
    except ValueError:
        raise ValueError(f"--noise: {text!r}, expected KIND:AMOUNT such as {kind}:0.3") from None
    return NOISES[kind](value)


def adversarial(
    model: Autoencoder, data: Dataset, beta: float, seed: int, device: str, workers: int | None
) -> Adversarial:
    """A discriminator of the codes."""
    width = len(list(model.encoder.params.values())[-1])
    discriminator = models.discriminator([seed, 1], features=width).to(device)
    return Adversarial(
        Objective(code_penalty=GeneratorLoss(discriminator), beta=beta),
        discriminator,
        codes,
        Adam(discriminator.params, 1e-3),
    )


def of_pictures(
    model: Autoencoder, data: Dataset, beta: float, seed: int, device: str, workers: int | None
) -> Adversarial:
    """A discriminator of the reconstructions; a slow one, or it wins."""
    discriminator = models.discriminator(
        [seed, 1], features=pixels(data.train.images.shape[1:])
    ).to(device)
    return Adversarial(
        Objective(output_penalty=GeneratorLoss(discriminator), gamma=beta),
        discriminator,
        reconstructions,
        Adam(discriminator.params, 2e-4),
    )


def looking(
    model: Autoencoder, data: Dataset, beta: float, seed: int, device: str, workers: int | None
) -> Objective:
    """A classifier, trained on the labels, whose hidden layer the perceptual loss compares.

    Raises:
        ValueError: pictures without labels.
    """
    if data.train.labels is None:
        raise ValueError(
            f"perceptual: it compares what a classifier sees, and {data.name} has no labels to train one with: "
            "put the pictures of each class into a folder of their own"
        )
    x, labels = (to_device(a, device) for a in (data.train.flat, data.train.labels))
    net = models.classifier(
        [seed, 2], features=x.shape[1], classes=int(data.train.labels.max()) + 1
    ).to(device)
    fit(
        net,
        (x, labels),
        classification,
        Adam(net.params),
        epochs=3,
        workers=workers,
        rng=seed,
        progress=False,
    )
    right = accuracy(net, to_device(data.test.flat, device), data.test.labels)
    print(
        f"a classifier for the perceptual loss to look through: {right:.1%} of the test labels right\n"
    )
    return Objective(Perceptual(net[:2], beta))


def pixels(shape: tuple[int, ...]) -> int:
    channels, height, width = shape
    return channels * height * width


def only_28(shape: tuple[int, ...]) -> None:
    if shape != (1, 28, 28):
        size = "×".join(map(str, shape))
        raise ValueError(
            f"this model takes pictures of 1×28×28, got {size}: choose other data, or a dense one such as 'basic'"
        )


def build_conv(
    shape: tuple[int, ...],
    seed: int,
    architecture: Callable[..., Autoencoder] = models.conv_autoencoder,
) -> Autoencoder:
    only_28(shape)
    return architecture(seed)


PRESETS = {
    "basic": Preset(
        "the book's dense autoencoder, 784-512-256-32 and back, ReLU, MSE",
        lambda shape, seed: models.basic_autoencoder(seed, features=pixels(shape)),
    ),
    "linear": Preset(
        "784-30-784 without activations: what PCA does, learned by gradient descent",
        lambda shape, seed: models.linear_autoencoder(seed, features=pixels(shape)),
    ),
    "conv": Preset(
        "the book's convolutional autoencoder, 28×28 → 14×14 → 7×7 → 1×1 and back by transposed convolutions, MSE",
        build_conv,
        flat=False,
        epochs=5,
    ),
    "denoising": Preset(
        "the basic model sees pictures with Gaussian noise, σ = 0.3, and is asked for the clean ones",
        lambda shape, seed: models.basic_autoencoder(seed, features=pixels(shape)),
        Objective(corrupt=Gaussian(0.3)),
        epochs=10,
    ),
    "denoising-conv": Preset(
        "the same noise and the convolutional model",
        build_conv,
        Objective(corrupt=Gaussian(0.3)),
        flat=False,
        epochs=5,
    ),
    "denoising-tiles": Preset(
        "the same noise, 28×28 → 14×14 → 7×7 and back without a bottleneck: for pictures of any size, `tinyae denoise`",
        lambda shape, seed: build_conv(shape, seed, models.conv_denoiser),
        Objective(corrupt=Gaussian(0.3)),
        flat=False,
        epochs=5,
    ),
    "contractive": Preset(
        "the basic model, whose code should move little: + λ · mean ‖∂z/∂x‖², λ = 3e-4, all rows of the Jacobian",
        lambda shape, seed: models.basic_autoencoder(seed, features=pixels(shape)),
        Objective(contraction=3e-4),
        epochs=5,
    ),
    "contractive-conv": Preset(
        "the same penalty, λ = 1e-4, and the convolutional model; the norm is estimated from 2 random sums of the 128 rows",
        build_conv,
        Objective(contraction=1e-4, probes=2),
        flat=False,
        epochs=5,
    ),
    "contractive-tied": Preset(
        "784-256-784, one sigmoid layer with tied weights, as in the paper: cross-entropy + λ · mean ‖∂z/∂x‖², λ = 3e-3",
        lambda shape, seed: models.tied_autoencoder(seed, features=pixels(shape)),
        Objective(bce, contraction=3e-3),
        epochs=10,
    ),
    "sparse-l1": Preset(
        "784-256-784, ReLU code, L1 on the code: most of its numbers are exactly 0",
        lambda shape, seed: models.sparse_autoencoder(seed, ReLU(), features=pixels(shape)),
        Objective(code_penalty=l1, beta=1e-4),
        epochs=10,
    ),
    "sparse-kl": Preset(
        "784-256-784, sigmoid code, KL divergence: each unit is active ρ = 5 % of the time",
        lambda shape, seed, rho=0.05: models.sparse_autoencoder(
            seed, features=pixels(shape), rho=rho
        ),
        Objective(code_penalty=KLSparsity(0.05), beta=3e-3),
        epochs=10,
        sets=("rho",),
    ),
    "k-sparse": Preset(
        "784-256-784, of each code only the k = 25 largest numbers stay",
        lambda shape, seed, k=25: models.sparse_autoencoder(
            seed, KSparse(k), features=pixels(shape)
        ),
        epochs=10,
        sets=("k",),
    ),
    "vae": Preset(
        "variational, 784-400-20-400-784: cross-entropy + β · KL divergence of the codes from N(0, 1), to draw new pictures from",
        lambda shape, seed: models.vae(seed, features=pixels(shape)),
        Variational(),
        epochs=10,
        can_sample=True,
    ),
    "vae-2d": Preset(
        "the same with a code of 2 numbers: its plane can be seen as a whole",
        lambda shape, seed: models.vae(seed, features=pixels(shape), code=2),
        Variational(),
        can_sample=True,
    ),
    "adversarial": Preset(
        "784-512-256-8 and back, and a discriminator that tells codes from draws of N(0, 1): new pictures can be drawn",
        lambda shape, seed: models.basic_autoencoder(seed, features=pixels(shape), code=8),
        prepare=adversarial,
        beta=0.01,
        can_sample=True,
    ),
    "discriminator": Preset(
        "784-512-256-8 and back, and a discriminator that tells reconstructions from real pictures",
        lambda shape, seed: models.basic_autoencoder(seed, features=pixels(shape), code=8),
        prepare=of_pictures,
        beta=1e-3,
        epochs=10,
    ),
    "perceptual": Preset(
        "784-512-256-8 and back, MSE of the pixels + β · MSE of what a classifier sees in the pictures",
        lambda shape, seed: models.basic_autoencoder(seed, features=pixels(shape), code=8),
        prepare=looking,
        beta=0.1,
        epochs=10,
    ),
}


def named(name: str, architecture: str | None = None) -> str:
    """The preset for another architecture, ``("contractive", "conv")`` -> ``"contractive-conv"``; "basic" is that without one.

    Raises:
        ValueError: there is none.
    """
    if architecture in (None, "basic"):
        return name
    if name == "basic" and architecture in PRESETS:
        return architecture
    if f"{name}-{architecture}" not in PRESETS:
        preset(name)
        others = [
            other.removeprefix(f"{name}-") for other in PRESETS if other.startswith(f"{name}-")
        ]
        others = ["basic", *(["conv"] if name == "basic" else []), *others]
        raise ValueError(
            f"model {name!r} has no variant --model {architecture}; there is {', '.join(others)}"
        )
    return f"{name}-{architecture}"


def preset(name: str) -> Preset:
    """The preset of this name.

    Raises:
        ValueError: there is none; the message suggests the nearest.
    """
    if name not in PRESETS:
        raise ValueError(did_you_mean("model", name, PRESETS))
    return PRESETS[name]
