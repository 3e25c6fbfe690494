"""Homework on attention, recurrent steps and embeddings."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.base import with_bug
from tinyae.known_bugs.correct_base import softmax
from tinyae.known_bugs.correct_sequence import RNN, Attention, Embedding, GRUStep, LSTMStep
from tinyae.known_bugs.homework_base import homework, with_backward

PATH = r"path|branch|term|missing|forgot|also|second"


def sequence(rng, n=2, t=5, d=4):
    return (rng.normal(size=(n, t, d)),)


def step_inputs(rng):
    return rng.normal(size=(3, 4)), rng.normal(size=(3, 5)), rng.normal(size=(3, 5))


def words():
    return (np.array([[0, 2, 2], [5, 0, 2]]),)


@homework("Wq, Wk, bq, x", r"√d|sqrt|factor|times|\bscal|0\.5|\b2\b|ratio")
def attention_scale_forgotten(rng):
    """Attention: forward divides the scores by √d, backward does not."""

    def backward(self, dy, cache):
        x, q, k, _, a = cache
        ds = self.score_gradient(dy, cache)
        return self.collect(x, ds @ k, ds.swapaxes(1, 2) @ q, a.swapaxes(1, 2) @ dy)

    return with_backward(Attention(4, rng), backward), sequence(rng)


@homework("Wq, Wk, x", r"softmax|diagonal|Jacobian|other entries|y ?\(1")
def attention_softmax_diagonal(rng):
    """Attention: the softmax's gradient is a(1 − a)·da, its diagonal only."""
    layer = Attention(4, rng)

    def score_gradient(dy, cache):
        a = cache[-1]
        return dy @ cache[3].swapaxes(1, 2) * a * (1 - a)

    layer.score_gradient = score_gradient
    return layer, sequence(rng)


@homework("Wq, Wk, x", r"\baxis\b|\baxes\b|softmax")
def attention_softmax_axis(rng):
    """Attention: the sum in the softmax's gradient is over the queries."""
    layer = Attention(4, rng)

    def score_gradient(dy, cache):
        a, da = cache[-1], dy @ cache[3].swapaxes(1, 2)
        return a * (da - (da * a).sum(axis=1, keepdims=True))

    layer.score_gradient = score_gradient
    return layer, sequence(rng)


@homework("Wk, x", r"transpos|swapaxes")
def attention_keys_not_transposed(rng):
    """Attention: dk = ds q, I forgot to transpose ds."""

    def backward(self, dy, cache):
        x, q, k, _, a = cache
        ds = self.score_gradient(dy, cache) / 2
        return self.collect(x, ds @ k, ds @ q, a.swapaxes(1, 2) @ dy)

    return with_backward(Attention(4, rng), backward), sequence(rng)


@homework("Wv, bv, x", r"transpos|swapaxes|Wv")
def attention_values_not_transposed(rng):
    """Attention: dv = a dy, I forgot to transpose a."""

    def backward(self, dy, cache):
        x, q, k, _, a = cache
        ds = self.score_gradient(dy, cache) / 2
        return self.collect(x, ds @ k, ds.swapaxes(1, 2) @ q, a @ dy)

    return with_backward(Attention(4, rng), backward), sequence(rng)


@homework("x", PATH, r"values|Wv|\+=|overwr")
def attention_value_path(rng):
    """Attention: x reaches y three times; dx lacks the path through the values."""

    def dx(g, dy, cache, layer):
        return g - cache[-1].swapaxes(1, 2) @ dy @ layer.params["Wv"].T

    return with_bug(Attention(4, rng), x=dx), sequence(rng)


@homework("Wq, Wk, bq", r"swap|exchang|other parameter|belongs to|order|gradient of W?[qk]")
def attention_queries_and_keys_swapped(rng):
    """Attention: the gradients of Wq and Wk are swapped."""

    def backward(self, dy, cache):
        dx, grads = Attention.backward(self, dy, cache)
        names = {"Wq": "Wk", "Wk": "Wq", "bq": "bk", "bk": "bq"}
        return dx, {name: grads[names.get(name, name)] for name in grads}

    return with_backward(Attention(4, rng), backward), sequence(rng)


@homework("Wq, Wk, x", r"mask|causal|future|later|softmax")
def attention_mask_forgotten(rng):
    """Causal attention: backward computes the softmax anew and forgets the mask."""

    def backward(self, dy, cache):
        x, q, k, v, _ = cache
        return Attention.backward(self, dy, (x, q, k, v, softmax(q @ k.swapaxes(1, 2) / 2)))

    return with_backward(Attention(4, rng, causal=True), backward), sequence(rng)


@homework("weight", r"repeat|duplicate|twice|\+=|overwr|add\.at|accumulat", needs="integer inputs")
def embedding_duplicates_lost(rng):
    """Embedding: dW[index] += dy counts a repeated word once; np.add.at is right."""

    def backward(self, dy, index):
        dw = np.zeros_like(self.params["weight"])
        dw[index] += dy
        return None, {"weight": dw}

    return with_backward(Embedding(7, 3, rng), backward), words()


@homework("weight", r"batch size|mean|number of|factor|times|1/6", needs="integer inputs")
def embedding_averaged(rng):
    """Embedding: dW is divided by the number of words in the batch."""

    def backward(self, dy, index):
        return None, {"weight": Embedding.backward(self, dy, index)[1]["weight"] / index.size}

    return with_backward(Embedding(7, 3, rng), backward), words()


@homework("weight", r"row|index|shift|offset|order|permut|off by one", needs="integer inputs")
def embedding_off_by_one(rng):
    """Embedding: index 0 was meant for padding; backward writes to row index + 1."""

    def backward(self, dy, index):
        return Embedding.backward(self, dy, index + 1)

    return with_backward(Embedding(7, 3, rng), backward), words()


@homework("U, W, b, x", r"last (time )?step|truncat|earlier|time|only|loop|zero")
def rnn_last_step_only(rng):
    """Recurrent net: backward stops after the last step."""

    def backward(self, dy, cache):
        x, hs = cache
        da, dx = dy * (1 - hs[-1] ** 2), np.zeros_like(x)
        dx[:, -1] = da @ self.params["U"].T
        return dx, {"U": x[:, -1].T @ da, "W": hs[-2].T @ da, "b": da.sum(axis=0)}

    return with_backward(RNN(4, 3, rng), backward), sequence(rng)


@homework("U, W, b", r"\+=|overwr|accumulat|add(ed)? up|last|first|each step|sum")
def rnn_gradients_overwritten(rng):
    """Recurrent net: grads["W"] = in the loop over time where += belongs: the first step stays."""

    def backward(self, dy, cache):
        x, hs = cache
        dx, grads, dh = np.zeros_like(x), {}, dy
        for t in reversed(range(x.shape[1])):
            da = dh * (1 - hs[t + 1] ** 2)
            grads = {"U": x[:, t].T @ da, "W": hs[t].T @ da, "b": da.sum(axis=0)}
            dx[:, t], dh = da @ self.params["U"].T, da @ self.params["W"].T
        return dx, grads

    return with_backward(RNN(4, 3, rng), backward), sequence(rng)


@homework("x, U, W, b", r"transpos")
def rnn_weight_not_transposed(rng):
    """Recurrent net: dh = da W, I forgot to transpose W."""

    def backward(self, dy, cache):
        self_w = self.params["W"]
        flipped = RNN(4, 3, np.random.default_rng(0))
        flipped.params = {**self.params, "W": self_w.T}
        return RNN.backward(flipped, dy, cache)

    return with_backward(RNN(4, 3, rng), backward), sequence(rng)


@homework("W", r"h_?t|next|shift|off by one|time|step|previous|index")
def rnn_wrong_state(rng):
    """Recurrent net: dW uses h of the same step, it must be h of the step before."""

    def backward(self, dy, cache):
        x, hs = cache
        dx, grads = RNN.backward(self, dy, cache)
        return dx, {**grads, "W": RNN.backward(self, dy, (x, hs[1:] + hs[-1:]))[1]["W"]}

    return with_backward(RNN(4, 3, rng), backward), sequence(rng)


def lstm(rng, gates, cell=lambda dc, f: dc * f, through_h=True):
    """An LSTM step whose backward uses ``gates(dh, dc, c, i, f, o, g, t)`` for the sums'
    gradients."""

    def backward(self, dy, cache):
        dh, dc = dy
        x, h, c, i, f, o, g, t = cache
        dc = dc + dh * o * (1 - t**2) * through_h
        da = np.concatenate(gates(dh, dc, c, i, f, o, g, t), axis=1)
        return self.collect(x, h, da, cell(dc, f))

    return with_backward(LSTMStep(4, 5, rng), backward), step_inputs(rng)


def right_gates(dh, dc, c, i, f, o, g, t):
    return dc * g * i * (1 - i), dc * c * f * (1 - f), dh * t * o * (1 - o), dc * i * (1 - g**2)


@homework("x, h, c, U, W, b", PATH, r"tanh|\bdh\b|first output|output 1", needs="several outputs")
def lstm_cell_path_through_h(rng):
    """LSTM: c′ reaches the loss through h′ too; I took dc alone."""
    return lstm(rng, right_gates, through_h=False)


@homework("x, h, U, W, b", r"swap|order|exchang|permut|gate", needs="several outputs")
def lstm_gates_in_another_order(rng):
    """LSTM: backward joins the gates' gradients in the order i, f, g, o."""

    def gates(*args):
        i, f, o, g = right_gates(*args)
        return i, f, g, o

    return lstm(rng, gates)


@homework("x, h, U, W, b", r"tanh|slope|derivative|1 ?[−-] ?g", needs="several outputs")
def lstm_candidate_slope(rng):
    """LSTM: the candidate g is a tanh, I used the sigmoid's slope g(1 − g)."""

    def gates(dh, dc, c, i, f, o, g, t):
        return (*right_gates(dh, dc, c, i, f, o, g, t)[:3], dc * i * g * (1 - g))

    return lstm(rng, gates)


@homework("c", r"forget|\bf\b|gate|passe[sd]|factor|dy itself|path", needs="several outputs")
def lstm_forget_gate_forgotten(rng):
    """LSTM: dc = dc′, I forgot to multiply by the forget gate."""
    return lstm(rng, right_gates, cell=lambda dc, f: dc)


@homework("x, h, U, W, b", r"new|next|old|c′|cell|state", needs="several outputs")
def lstm_new_cell_for_old(rng):
    """LSTM: the forget gate's gradient uses the new c, it must be the old one."""

    def gates(dh, dc, c, i, f, o, g, t):
        first, _, third, fourth = right_gates(dh, dc, c, i, f, o, g, t)
        return first, dc * (f * c + i * g) * f * (1 - f), third, fourth

    return lstm(rng, gates)


def gru(rng, z=lambda dy, h, n: dy * (h - n), keep=True, reset=True, direct=True):
    def backward(self, dy, cache):
        x, h, zt, r, n = cache
        dn = dy * (1 - zt if keep else 1) * (1 - n**2)
        drh = dn @ self.params["R"].T
        da = np.concatenate([z(dy, h, n) * zt * (1 - zt), reset * drh * h * r * (1 - r)], axis=1)
        return self.collect(x, h, r, da, dn, direct * dy * zt + drh * r)

    return with_backward(GRUStep(4, 5, rng), backward), step_inputs(rng)[:2]


@homework("x, h, U, W, V, R", r"1 ?[−-] ?z|gate|factor|term|slope", needs="several inputs")
def gru_keep_forgotten(rng):
    """GRU: I forgot the factor 1 − z in dn."""
    return gru(rng, keep=False)


@homework("h", PATH, r"\bskip\b|z ?[·*] ?h|identity|direct", needs="several inputs")
def gru_direct_path(rng):
    """GRU: h reaches h′ directly through z h; that path is missing in dh."""
    return gru(rng, direct=False)


@homework("x, h, U, W", r"reset|\br\b|path|zero|half|columns|missing|gate", needs="several inputs")
def gru_reset_path(rng):
    """GRU: the reset gate gets no gradient."""
    return gru(rng, reset=False)


@homework("x, h, U, W", r"sign|[−-] ?1\b|negat", needs="several inputs")
def gru_update_sign(rng):
    """GRU: dz = dy (n − h), the sign is wrong."""
    return gru(rng, z=lambda dy, h, n: dy * (n - h))
