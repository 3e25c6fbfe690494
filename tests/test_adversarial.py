"""The two losses of an adversarial game, by differences and beside PyTorch, and the alternation of the two players."""

import numpy as np
import pytest
from numeric import close, numeric_gradient
from small import same_bits

from tinyae import Adam, Autoencoder, LeakyReLU, Linear, Objective, ReLU, Sequential, Sigmoid, Tanh, fit, mse
from tinyae.adversarial import against, codes, critic_loss, fit_adversarial, fool, reconstructions
from tinyae.checking import assert_gradients
from tinyae.training import TrainingDiverged

RNG = np.random.default_rng(0)
REAL, FAKE = RNG.uniform(size=(6, 5)), RNG.uniform(size=(4, 5))


def critic(features=5, dtype=np.float64, seed=1):
    rng = np.random.default_rng(seed)
    return Sequential(Linear(features, 8, rng=rng, dtype=dtype), Tanh(), Linear(8, 1, rng=rng, dtype=dtype))


def model(dtype=np.float64, seed=2):
    rng = np.random.default_rng(seed)
    return Autoencoder(
        Sequential(Linear(5, 4, rng=rng, dtype=dtype), Tanh(), Linear(4, 2, rng=rng, dtype=dtype)),
        Sequential(Linear(2, 5, rng=rng, dtype=dtype), Sigmoid()),
    )


# ---- the losses --------------------------------------------------------------------------------------------------------


def test_gradients_of_the_critic():
    assert_gradients(critic_loss, critic(), (REAL, FAKE))
    assert_gradients(critic_loss, Sequential(Linear(5, 6, rng=0), LeakyReLU(0.2), Linear(6, 1, rng=1)), (REAL, FAKE))
    c = critic()
    grads = critic_loss(c, (REAL, FAKE))[1]
    assert grads.keys() == c.params.keys()
    for key, w in c.params.items():
        close(grads[key], numeric_gradient(lambda: critic_loss(c, (REAL, FAKE))[0], w))


def test_gradients_of_the_other_side():
    assert_gradients(fool(critic()), FAKE)
    assert_gradients(against(critic(), 0.3), FAKE, RNG.uniform(size=FAKE.shape))
    assert_gradients(Objective(code_penalty=fool(critic(2)), beta=0.4), model(), REAL)
    assert_gradients(Objective(reconstruction=against(critic(), 0.3)), model(), REAL)
    y = FAKE.copy()
    close(fool(critic())(y)[1], numeric_gradient(lambda: fool(critic())(y)[0], y))


def test_values_by_hand():
    c = critic()

    def sure(x):
        return 1 / (1 + np.exp(-c(x)))

    loss, _, parts = critic_loss(c, (REAL, FAKE))
    assert loss == pytest.approx(-np.log(sure(REAL)).mean() - np.log(1 - sure(FAKE)).mean())
    assert parts == {"critic_right": pytest.approx(((sure(REAL) > 0.5).mean() + (sure(FAKE) <= 0.5).mean()) / 2)}
    assert fool(c)(FAKE)[0] == pytest.approx(-np.log(sure(FAKE)).mean())
    t = RNG.uniform(size=FAKE.shape)
    assert against(c, 0.3)(FAKE, t)[0] == pytest.approx(mse(FAKE, t)[0] + 0.3 * fool(c)(FAKE)[0])


def test_a_critic_that_cannot_tell():
    c = critic()
    for w in c.params.values():
        w[...] = 0
    assert critic_loss(c, (REAL, FAKE))[0] == pytest.approx(2 * np.log(2))
    assert critic_loss(c, (REAL, REAL))[2]["critic_right"] == 0.5


def test_the_best_critic_on_known_densities():
    """Goodfellow et al. 2014, proposition 1: its best logit is log p(x) − log q(x). N(1, 1) beside N(−1, 1): 2x."""
    rng = np.random.default_rng(0)
    real, fake = rng.normal(1, 1, (20_000, 1)), rng.normal(-1, 1, (20_000, 1))
    c = Sequential(Linear(1, 1, rng=0, dtype=np.float64))
    fit(c, (real, fake), critic_loss, Adam(c.params, 0.02), 15, 500, workers=1, progress=False)
    np.testing.assert_allclose(c(np.array([[-1.0], [0.0], [2.0]])).ravel(), [-2, 0, 4], atol=0.35)


def test_the_gradient_makes_the_fake_look_more_real():
    c = critic()
    before, dy = fool(c)(FAKE)
    assert fool(c)(FAKE - 0.1 * dy)[0] < before


# ---- the game ----------------------------------------------------------------------------------------------------------


def test_what_is_real_and_what_is_fake():
    m = model()
    real, fake = reconstructions(m, REAL)
    assert real is REAL and np.array_equal(fake, m(REAL))
    real, fake = codes(m, REAL, np.random.default_rng(4))
    np.testing.assert_array_equal(real, np.random.default_rng(4).standard_normal((6, 2)))
    np.testing.assert_array_equal(fake, m.encode(REAL))


def play(weight=0.1, epochs=3, game=codes, lr=0.01, workers=1, x=None):
    x = RNG_X if x is None else x
    m, c = model(np.float32), critic(2 if game is codes else 5, np.float32)
    objective = Objective(code_penalty=fool(c), beta=weight) if game is codes else Objective(against(c, weight))
    history = fit_adversarial(
        m, c, x, objective, game, Adam(m.params, lr), Adam(c.params, lr), epochs, 16, workers=workers, rng=3
    )
    return m, c, history


RNG_X = np.random.default_rng(7).uniform(size=(64, 5)).astype(np.float32)


@pytest.mark.parametrize("game", [codes, reconstructions])
def test_both_players_move_and_the_log_has_both(game):
    m, c, history = play(game=game)
    for after, before in [(m, model(np.float32)), (c, critic(2 if game is codes else 5, np.float32))]:
        assert all(not np.array_equal(w, before.params[key]) for key, w in after.params.items())
    assert {"epoch", "loss", "critic", "critic_right", "seconds", "images_per_s", "lr"} <= set(history.columns)
    assert len(history) == 3 and 0 <= history["critic_right"][-1] <= 1


def test_the_same_seed_gives_the_same_weights():
    for workers in (1, 2):
        (m, c, _), (m2, c2, _) = play(workers=workers), play(workers=workers)
        same_bits(m, m2)
        same_bits(c, c2)


def test_it_is_the_alternation_of_two_plain_steps():
    m, c, x = model(np.float32), critic(2, np.float32), RNG_X[:16]
    optimizer, critic_optimizer = Adam(m.params, 0.01), Adam(c.params, 0.01)
    for epoch in range(2):
        order = np.random.default_rng([3, epoch]).permutation(16)
        pair = codes(m, x[order], np.random.default_rng([3, epoch, 0, 0, 0]))
        critic_optimizer.step(critic_loss(c, pair)[1])
        optimizer.step(Objective(code_penalty=fool(c), beta=0.1)(m, x[order])[1])
    m2, c2, _ = play(epochs=2, x=x)
    same_bits(m, m2)
    same_bits(c, c2)


def test_with_weight_0_the_model_is_the_plain_one():
    m, _, _ = play(weight=0.0)
    plain, _, _ = play(weight=0.0, game=reconstructions)
    same_bits(m, plain)
    assert not np.array_equal(play(weight=0.5)[0].params["encoder.0.weight"], m.params["encoder.0.weight"])


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
    objective = Objective(code_penalty=fool(c), beta=1.0)
    fit_adversarial(m, c, x, objective, codes, Adam(m.params, 3e-3), Adam(c.params, 3e-3), 60, 50, workers=1)
    assert off(m) < 0.5 * before


@pytest.mark.parametrize("game", [codes, reconstructions])
def test_on_a_device(monkeypatch, game):
    from strict_device import DeviceArray, pretend_gpu

    from tinyae import to_device, to_numpy

    pretend_gpu(monkeypatch)
    m, c = model(np.float32).to("gpu"), critic(2 if game is codes else 5, np.float32).to("gpu")
    objective = Objective(code_penalty=fool(c), beta=0.1) if game is codes else Objective(against(c, 0.1))
    players = Adam(m.params, 0.01), Adam(c.params, 0.01)
    fit_adversarial(m, c, to_device(RNG_X, "gpu"), objective, game, *players, 2, 16, rng=3)
    on_host = play(epochs=2, game=game)[0]
    for key, w in m.params.items():
        assert type(w) is DeviceArray
        np.testing.assert_allclose(to_numpy(w), on_host.params[key], rtol=1e-5, atol=1e-6)


# ---- mistakes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mistake", "error", "said"),
    [
        (lambda: fool(ReLU), TypeError, r"fool: critic is <class.*write ReLU\(\) with parentheses"),
        (lambda: against(None), TypeError, "against: critic is None, expected a layer or a net"),
        (lambda: against(critic(), -0.1), ValueError, "weight is -0.1, expected a number from 0 on"),
        (lambda: fool(Linear(5, 2, dtype=np.float64))(FAKE), ValueError, r"shape \(4, 2\), expected \(4, 1\)"),
        (lambda: critic_loss(Linear(5, 3, dtype=np.float64), (REAL, FAKE)), ValueError, r"shape \(6, 3\), expected \(6, 1\)"),
        (lambda: play(x=RNG_X[:0]), ValueError, "data is empty"),
        (lambda: play(epochs=-1), ValueError, "epochs is -1"),
    ],
)
def test_mistakes_are_named(mistake, error, said):
    with pytest.raises(error, match=said):
        mistake()


def test_another_models_optimiser_is_refused():
    m, c = model(np.float32), critic(2, np.float32)
    wrong = Adam(model(np.float32).params)
    with pytest.raises(ValueError, match="another array"):
        fit_adversarial(m, c, RNG_X, Objective(code_penalty=fool(c)), codes, wrong, Adam(c.params), 1)


def test_nan_stops_the_game():
    m, c = model(np.float32), critic(2, np.float32)
    c.params["0.weight"][...] = np.nan
    with pytest.raises(TrainingDiverged, match="epoch 1, step 1: the loss is nan"):
        fit_adversarial(m, c, RNG_X, Objective(code_penalty=fool(c)), codes, Adam(m.params), Adam(c.params), 1, workers=1)


# ---- beside PyTorch ----------------------------------------------------------------------------------------------------


@pytest.mark.oracle
def test_both_gradients_are_pytorchs():
    torch = pytest.importorskip("torch", reason="compares with PyTorch: pip install torch==2.13.0")
    ours, judge = critic(), torch.nn.functional.binary_cross_entropy_with_logits
    theirs = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()
    theirs.load_state_dict({key: torch.tensor(w) for key, w in ours.params.items()})
    real, fake = torch.tensor(REAL), torch.tensor(FAKE, requires_grad=True)
    loss = judge(theirs(real), torch.ones(6, 1).double()) + judge(theirs(fake), torch.zeros(4, 1).double())
    loss.backward()
    value, grads, _ = critic_loss(ours, (REAL, FAKE))
    assert value == pytest.approx(loss.item(), rel=1e-12)
    for key, p in theirs.named_parameters():
        np.testing.assert_allclose(grads[key], p.grad.numpy(), rtol=1e-10, atol=1e-15)
    fake.grad = None
    fooled = judge(theirs(fake), torch.ones(4, 1).double())
    fooled.backward()
    value, dy = fool(ours)(FAKE)
    assert value == pytest.approx(fooled.item(), rel=1e-12)
    np.testing.assert_allclose(dy, fake.grad.numpy(), rtol=1e-10, atol=1e-15)
