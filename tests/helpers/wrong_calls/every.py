"""The calls of all packages."""

from helpers.wrong_calls import (
    applications,
    data,
    layer_calls,
    layers,
    losses,
    models,
    objectives,
    optimizers,
    training,
)

PACKAGES = {
    "layers": layers.CALLS + layer_calls.CALLS,
    "losses and penalties": losses.CALLS,
    "objectives": objectives.CALLS,
    "optimizers": optimizers.CALLS,
    "training and files": training.CALLS,
    "models": models.CALLS,
    "applications, plots, checking": applications.CALLS,
    "data": data.CALLS,
}
