"""Homework: recurrent nets, LSTM and GRU steps."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.correct_sequence import RNN, GRUStep, LSTMStep
from tinyae.known_bugs.homework_base import homework, with_backward
from tinyae.known_bugs.homework_sequence import PATH, sequence, step_inputs


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
