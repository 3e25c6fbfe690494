"""The two losses of adversarial training, by differences and beside PyTorch, and the alternation of
the two players."""

import numpy as np
import pytest
from helpers.numeric import close, numeric_gradient
from helpers.small import same_bits

from tinyae import (
    Adam,
    Autoencoder,
    LeakyReLU,
    Linear,
    Objective,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
    fit,
    mse,
)
from tinyae.checking import assert_gradients
from tinyae.objectives.adversarial import (
    Adversarial,
    GeneratorLoss,
    code_batches,
    discriminator_loss,
    image_batches,
)
from tinyae.training import TrainingDiverged
from tinyae.training.epoch import SECOND_NETWORK

RNG = np.random.default_rng(0)
REAL, FAKE = RNG.uniform(size=(6, 5)), RNG.uniform(size=(4, 5))


def discriminator(features=5, dtype=np.float64, seed=1):
    rng = np.random.default_rng(seed)
    return Sequential(
        Linear(features, 8, rng=rng, dtype=dtype), Tanh(), Linear(8, 1, rng=rng, dtype=dtype)
    )


def model(dtype=np.float64, seed=2):
    rng = np.random.default_rng(seed)
    return Autoencoder(
        Sequential(Linear(5, 4, rng=rng, dtype=dtype), Tanh(), Linear(4, 2, rng=rng, dtype=dtype)),
        Sequential(Linear(2, 5, rng=rng, dtype=dtype), Sigmoid()),
    )


# ---- the losses --------------------------------------------------------------


def test_gradients_of_the_critic():
    assert_gradients(discriminator_loss, discriminator(), (REAL, FAKE))
    assert_gradients(
        discriminator_loss,
        Sequential(Linear(5, 6, rng=0), LeakyReLU(0.2), Linear(6, 1, rng=1)),
        (REAL, FAKE),
    )
    c = discriminator()
    grads = discriminator_loss(c, (REAL, FAKE))[1]
    assert grads.keys() == c.params.keys()
    for key, w in c.params.items():
        close(grads[key], numeric_gradient(lambda: discriminator_loss(c, (REAL, FAKE))[0], w))


def test_gradients_of_the_other_side():
    assert_gradients(GeneratorLoss(discriminator()), FAKE)
    assert_gradients(
        Objective(code_penalty=GeneratorLoss(discriminator(2)), beta=0.4), model(), REAL
    )
    assert_gradients(
        Objective(output_penalty=GeneratorLoss(discriminator()), gamma=0.3), model(), REAL
    )
    c = discriminator()
    assert_gradients(
        Adversarial(
            Objective(output_penalty=GeneratorLoss(c), gamma=0.3), c, image_batches, Adam(c.params)
        ),
        model(),
        REAL,
    )
    y = FAKE.copy()
    close(
        GeneratorLoss(discriminator())(y)[1],
        numeric_gradient(lambda: GeneratorLoss(discriminator())(y)[0], y),
    )


def test_values_by_hand():
    c = discriminator()

    def sure(x):
        return 1 / (1 + np.exp(-c(x)))

    loss, _, terms = discriminator_loss(c, (REAL, FAKE))
    assert loss == pytest.approx(-np.log(sure(REAL)).mean() - np.log(1 - sure(FAKE)).mean())
    assert terms == {
        "discriminator_accuracy": pytest.approx(
            ((sure(REAL) > 0.5).mean() + (sure(FAKE) <= 0.5).mean()) / 2
        )
    }
    assert GeneratorLoss(c)(FAKE)[0] == pytest.approx(-np.log(sure(FAKE)).mean())
    m = model()
    loss, _, terms = Objective(output_penalty=GeneratorLoss(c), gamma=0.3)(m, REAL)
    assert terms == {
        "reconstruction": mse(m(REAL), REAL)[0],
        "output_penalty": GeneratorLoss(c)(m(REAL))[0],
    }
    assert loss == pytest.approx(terms["reconstruction"] + 0.3 * terms["output_penalty"])


def test_a_discriminator_that_cannot_tell():
    c = discriminator()
    for w in c.params.values():
        w[...] = 0
    assert discriminator_loss(c, (REAL, FAKE))[0] == pytest.approx(2 * np.log(2))
    assert discriminator_loss(c, (REAL, REAL))[2]["discriminator_accuracy"] == 0.5


def test_the_best_discriminator_on_known_densities():
    """Goodfellow et al. 2014, proposition 1: its best logit is log p(x) − log q(x). N(1, 1) beside
    N(−1, 1): 2x."""
    rng = np.random.default_rng(0)
    real, fake = rng.normal(1, 1, (20_000, 1)), rng.normal(-1, 1, (20_000, 1))
    c = Sequential(Linear(1, 1, rng=0, dtype=np.float64))
    fit(
        c,
        (real, fake),
        discriminator_loss,
        Adam(c.params, 0.02),
        15,
        500,
        workers=1,
        progress=False,
    )
    np.testing.assert_allclose(c(np.array([[-1.0], [0.0], [2.0]])).ravel(), [-2, 0, 4], atol=0.35)


def test_the_gradient_makes_the_fake_look_more_real():
    c = discriminator()
    before, dy = GeneratorLoss(c)(FAKE)
    assert GeneratorLoss(c)(FAKE - 0.1 * dy)[0] < before


# ---- training ----------------------------------------------------------------


def test_what_is_real_and_what_is_fake():
    m = model()
    real, fake = image_batches(m, REAL)
    assert real is REAL and np.array_equal(fake, m(REAL))
    real, fake = code_batches(m, REAL, np.random.default_rng(4))
    np.testing.assert_array_equal(real, np.random.default_rng(4).standard_normal((6, 2)))
    np.testing.assert_array_equal(fake, m.encode(REAL))


def networks(batches=code_batches, weight=0.1, lr=0.01, seed=0):
    """A model, a discriminator, and their objective."""
    m, c = (
        model(np.float32, seed=2 + seed),
        discriminator(2 if batches is code_batches else 5, np.float32, seed=1 + seed),
    )
    where = (
        {"code_penalty": GeneratorLoss(c), "beta": weight}
        if batches is code_batches
        else {"output_penalty": GeneratorLoss(c), "gamma": weight}
    )
    return m, c, Adversarial(Objective(**where), c, batches, Adam(c.params, lr))


def train(weight=0.1, epochs=3, batches=code_batches, lr=0.01, workers=1, x=None, **options):
    m, c, objective = networks(batches, weight, lr)
    x = RNG_X if x is None else x
    history = fit(
        m,
        x,
        objective,
        Adam(m.params, lr),
        epochs,
        16,
        workers=workers,
        rng=3,
        progress=False,
        **options,
    )
    return m, c, history


RNG_X = np.random.default_rng(7).uniform(size=(64, 5)).astype(np.float32)


@pytest.mark.parametrize("batches", [code_batches, image_batches])
def test_both_networks_move_and_the_log_has_both(batches):
    m, c, history = train(batches=batches)
    for after, before in [
        (m, model(np.float32)),
        (c, discriminator(2 if batches is code_batches else 5, np.float32)),
    ]:
        assert all(not np.array_equal(w, before.params[key]) for key, w in after.params.items())
    assert {
        "epoch",
        "loss",
        "discriminator",
        "discriminator_accuracy",
        "seconds",
        "images_per_s",
        "lr",
    } <= set(history.columns)
    assert len(history) == 3 and 0 <= history["discriminator_accuracy"][-1] <= 1


def test_the_same_seed_gives_the_same_weights():
    for workers in (1, 2):
        (m, c, _), (m2, c2, _) = train(workers=workers), train(workers=workers)
        same_bits(m, m2)
        same_bits(c, c2)


def test_it_is_the_alternation_of_two_plain_steps():
    m, c, x = model(np.float32), discriminator(2, np.float32), RNG_X[:16]
    optimizer, discriminator_optimizer = Adam(m.params, 0.01), Adam(c.params, 0.01)
    for epoch in range(2):
        order = np.random.default_rng([3, epoch]).permutation(16)
        pair = code_batches(m, x[order], np.random.default_rng([3, epoch, 0, SECOND_NETWORK, 0]))
        discriminator_optimizer.step(discriminator_loss(c, pair)[1])
        optimizer.step(Objective(code_penalty=GeneratorLoss(c), beta=0.1)(m, x[order])[1])
    m2, c2, _ = train(epochs=2, x=x)
    same_bits(m, m2)
    same_bits(c, c2)


def test_with_weight_0_the_model_is_the_plain_one():
    m, _, _ = train(weight=0.0)
    plain, _, _ = train(weight=0.0, batches=image_batches)
    same_bits(m, plain)
    assert not np.array_equal(
        train(weight=0.5)[0].params["encoder.0.weight"], m.params["encoder.0.weight"]
    )


@pytest.mark.parametrize("batches", [code_batches, image_batches])
def test_a_resumed_run_gives_the_same_bits_for_both_networks(batches, tmp_path):
    m, c, whole = train(epochs=4, batches=batches, workers=2)
    train(epochs=2, batches=batches, workers=2, checkpoint=tmp_path / "run.npz")
    m2, c2, objective = networks(
        batches, seed=9
    )  # as in a new process: other weights, which the checkpoint overwrites
    history = fit(
        m2,
        RNG_X,
        objective,
        Adam(m2.params, 0.01),
        4,
        16,
        workers=2,
        rng=3,
        progress=False,
        checkpoint=tmp_path / "run.npz",
        resume=True,
    )
    same_bits(m, m2)
    same_bits(c, c2)
    assert history["discriminator"] == whole["discriminator"] and history["loss"] == whole["loss"]


def test_a_checkpoint_of_another_pair_changes_nothing(tmp_path):
    path = tmp_path / "run.npz"
    train(epochs=1, checkpoint=path)
    m, c, objective = networks(image_batches)  # a discriminator of another size
    before = {key: w.copy() for key, w in {**m.params, **c.params}.items()}
    for wrong, said in [
        (objective, "cannot continue with objective objective code_penalty = "),
        (Objective(), "cannot continue with objective type = Objective"),
    ]:
        with pytest.raises(ValueError, match=said):
            fit(
                m,
                RNG_X,
                wrong,
                Adam(m.params),
                2,
                16,
                workers=1,
                rng=3,
                progress=False,
                checkpoint=path,
                resume=True,
            )
    for key, w in {**m.params, **c.params}.items():
        np.testing.assert_array_equal(w, before[key])


def test_validation_and_patience_see_the_models_loss():
    _, _, history = train(epochs=3, validation=RNG_X[:20], patience=3)
    assert len(history["val_loss"]) == 3 and min(history["val_loss"]) > 0


def test_the_codes_come_to_look_normal():
    rng = np.random.default_rng(0)
    x = (3 + rng.normal(size=(500, 2)) @ rng.normal(size=(2, 5))).astype(np.float32)
    m = Autoencoder(Sequential(Linear(5, 2, rng=0)), Sequential(Linear(2, 5, rng=1)))
    rng = np.random.default_rng(1)
    c = Sequential(Linear(2, 16, rng=rng), LeakyReLU(0.2), Linear(16, 1, rng=rng))

    def off(m):
        z = m.encode(x)
        return np.abs(z.mean(axis=0)).max() + np.abs(np.cov(z.T) - np.eye(2)).max()

    before = off(m)
    objective = Adversarial(
        Objective(code_penalty=GeneratorLoss(c), beta=1.0), c, code_batches, Adam(c.params, 3e-3)
    )
    fit(m, x, objective, Adam(m.params, 3e-3), 60, 50, workers=1, progress=False)
    assert off(m) < 0.5 * before


@pytest.mark.parametrize("batches", [code_batches, image_batches])
def test_on_a_device(monkeypatch, batches):
    from helpers.strict_device import DeviceArray, pretend_gpu

    from tinyae import to_device, to_numpy

    pretend_gpu(monkeypatch)
    waits = []
    for batch_size in (64, 16):
        m, c = (
            model(np.float32).to("gpu"),
            discriminator(2 if batches is code_batches else 5, np.float32).to("gpu"),
        )
        where = (
            {"code_penalty": GeneratorLoss(c), "beta": 0.1}
            if batches is code_batches
            else {"output_penalty": GeneratorLoss(c), "gamma": 0.1}
        )
        objective, before = (
            Adversarial(Objective(**where), c, batches, Adam(c.params, 0.01)),
            DeviceArray.waits,
        )
        fit(
            m,
            to_device(RNG_X, "gpu"),
            objective,
            Adam(m.params, 0.01),
            2,
            batch_size,
            rng=3,
            progress=False,
        )
        waits.append(DeviceArray.waits - before)
    assert waits[0] == waits[1]  # no step waits for the device
    on_host = train(epochs=2, batches=batches)[0]
    for key, w in m.params.items():
        assert type(w) is DeviceArray
        np.testing.assert_allclose(to_numpy(w), on_host.params[key], rtol=1e-5, atol=1e-6)


# ---- mistakes ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("mistake", "error", "said"),
    [
        (
            lambda: GeneratorLoss(ReLU),
            TypeError,
            r"GeneratorLoss: discriminator is <class.*write ReLU\(\) with parentheses",
        ),
        (
            lambda: GeneratorLoss(None),
            TypeError,
            "GeneratorLoss: discriminator is None, expected a layer or a model",
        ),
        (
            lambda: GeneratorLoss(Sequential(Linear(5, 1), Sigmoid())),
            ValueError,
            "ends in Sigmoid, expected a logit",
        ),
        (
            lambda: GeneratorLoss(Linear(5, 2, dtype=np.float64))(FAKE),
            ValueError,
            r"shape \(4, 2\), expected \(4, 1\)",
        ),
        (
            lambda: discriminator_loss(Linear(5, 3, dtype=np.float64), (REAL, FAKE)),
            ValueError,
            r"shape \(6, 3\), expected \(6, 1\)",
        ),
        (lambda: train(x=RNG_X[:0]), ValueError, "data is empty"),
        (lambda: train(epochs=-1), ValueError, "epochs is -1"),
        (
            lambda: opposed(GeneratorLoss(discriminator(2)), discriminator(2)),
            ValueError,
            "the objective does not hold this discriminator",
        ),
        (
            lambda: opposed(None, discriminator(2)),
            ValueError,
            "the objective does not hold this discriminator",
        ),
        (
            lambda: Adversarial(
                Objective(), discriminator(2), code_batches, Adam(discriminator(2).params)
            ),
            ValueError,
            "updates another array",
        ),
        (
            lambda: Adversarial(
                Objective(code_penalty=GeneratorLoss(c := discriminator(2))),
                c,
                code_batches,
                Adam(model().params),
            ),
            ValueError,
            "make it from discriminator.params",
        ),
        (
            lambda: opposed(c := discriminator(3, np.float32), c),
            ValueError,
            r"Linear\(3 → 8\): input has 2 features",
        ),
        (
            lambda: opposed(c := discriminator(2), c),
            ValueError,
            "the real batch has dtype float32 and the model float64",
        ),
    ],
)
def test_mistakes_are_named(mistake, error, said):
    with pytest.raises(error, match=said):
        mistake()


def opposed(penalty, c):
    penalty = GeneratorLoss(c) if penalty is c else penalty
    m, objective = (
        model(np.float32),
        Adversarial(Objective(code_penalty=penalty), c, code_batches, Adam(c.params)),
    )
    fit(m, RNG_X, objective, Adam(m.params), 1, progress=False)


def test_nan_stops_training():
    m, c, objective = networks()
    c.params["0.weight"][...] = np.nan
    before = {key: w.copy() for key, w in m.params.items()}
    with pytest.raises(
        TrainingDiverged,
        match="epoch 1, step 1: the discriminator's loss is nan.*parameter 0.weight",
    ):
        fit(m, RNG_X, objective, Adam(m.params), 1, workers=1, progress=False)
    for key, w in m.params.items():
        np.testing.assert_array_equal(w, before[key])
    assert objective.optimizer.steps == 0


# ---- beside PyTorch ----------------------------------------------------------


@pytest.mark.oracle
def test_both_gradients_are_pytorchs():
    torch = pytest.importorskip("torch", reason="compares with PyTorch: pip install torch==2.13.0")
    ours, judge = discriminator(), torch.nn.functional.binary_cross_entropy_with_logits
    theirs = torch.nn.Sequential(
        torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)
    ).double()
    theirs.load_state_dict({key: torch.tensor(w) for key, w in ours.params.items()})
    real, fake = torch.tensor(REAL), torch.tensor(FAKE, requires_grad=True)
    loss = judge(theirs(real), torch.ones(6, 1).double()) + judge(
        theirs(fake), torch.zeros(4, 1).double()
    )
    loss.backward()
    value, grads, _ = discriminator_loss(ours, (REAL, FAKE))
    assert value == pytest.approx(loss.item(), rel=1e-12)
    for key, p in theirs.named_parameters():
        np.testing.assert_allclose(grads[key], p.grad.numpy(), rtol=1e-10, atol=1e-15)
    fake.grad = None
    fooled = judge(theirs(fake), torch.ones(4, 1).double())
    fooled.backward()
    value, dy = GeneratorLoss(ours)(FAKE)
    assert value == pytest.approx(fooled.item(), rel=1e-12)
    np.testing.assert_allclose(dy, fake.grad.numpy(), rtol=1e-10, atol=1e-15)
