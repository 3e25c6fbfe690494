"""Builders of the presets' models: architectures for the shape of the images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tinyae import models
from tinyae._validate import did_you_mean, shape_text
from tinyae.cli.preset_objectives import Model
from tinyae.layers import Autoencoder, KSparse, Layer, ReLU, Sequential, Sigmoid, Tanh

ModelBuilder = Callable[..., Model]  # (image_shape, seed, **model_options) -> model
OUTPUT_LAYERS = {"sigmoid": Sigmoid, "tanh": Tanh, "relu": ReLU, "linear": None}


def dense(
    architecture: Callable[..., Model], code: int | None = None, **arguments: Any
) -> ModelBuilder:
    """A builder for models that take (N, D): D is the number of pixels.

    Args:
        code: the dimension of the code. Where D is not larger, as for a table of a few columns, it
            is D / 2: a model whose code is as large as its input can copy it.
    """

    def build(shape: tuple[int, ...], seed: int, **options: Any) -> Model:
        features, more = math.prod(shape), arguments | options
        if code is not None:
            more["code"] = code if code < features else max(1, features // 2)
        return architecture(seed, features=features, **more)

    return build


def convolutional(architecture: Callable[..., Model]) -> ModelBuilder:
    """A builder for models that take images of 1×28×28."""

    def build(shape: tuple[int, ...], seed: int) -> Model:
        _require_28x28(shape)
        return architecture(seed)

    return build


def k_sparse(shape: tuple[int, ...], seed: int, k: int = 25) -> Model:
    return models.sparse_autoencoder(seed, KSparse(k), features=math.prod(shape))


def _require_28x28(shape: tuple[int, ...]) -> None:
    if shape != (1, 28, 28):
        raise ValueError(
            f"this model takes images of 1×28×28, got {shape_text(shape)}: choose other data, "
            "or a dense model such as 'basic'"
        )


def with_output_layer(build: ModelBuilder, name: str) -> ModelBuilder:
    """A builder of the same models that end in another activation; "linear" ends them in none.

    Raises:
        ValueError: no output layer has this name.
    """
    if name not in OUTPUT_LAYERS:
        raise ValueError(did_you_mean("output layer", name, OUTPUT_LAYERS))
    activation = OUTPUT_LAYERS[name]

    def build_with(shape: tuple[int, ...], seed: int, **options: Any) -> Model:
        model = build(shape, seed, **options)
        assert isinstance(model.decoder, Sequential)  # as in all presets
        layers: list[Layer] = model.decoder.layers
        if not layers[-1].params:
            layers = layers[:-1]
        return Autoencoder(
            model.encoder, Sequential(*layers, *([activation()] if activation else []))
        )

    return build_with
