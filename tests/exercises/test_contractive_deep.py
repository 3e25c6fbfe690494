"""Exercise 16: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

GRADIENTS = ["omega dx", "omega dW", "omega db"]
DW = 'dweight = np.einsum("pno,pni->oi", dy, g)'
SIGMOID = "return g * df, df * (1 - 2 * y) * (g * dy).sum(axis=0), {}"
TANH = "return g * df, -2 * y * df * rows, {}"
SOFTMAX = "return self.vjp(g, y), self.vjp(ds_dy, y), {}"
DS_DY = "ds_dy = (g * dy - along_g * dy - along_dy * g).sum(axis=0)"
IDENTITY = "v[range(k), :, range(k)] = 1"
TERM = (
    "        da, through = layers[i].backward(da, caches[i])\n"
    "        if second_order[i] is not None:\n"
    "            da = da + second_order[i]\n"
)
ADD = "grads[i].get(name, 0) + through[name]"

MISTAKES = {
    "Linear: x for g": (
        [(DW, 'dweight = np.einsum("pno,ni->oi", dy, x)')],
        ["Linear dW"],
        "x where g belongs",
    ),
    "Linear: transposed": (
        [(DW, 'dweight = np.einsum("pno,pni->io", dy, g)')], ["Linear dW"], "transpose",
    ),
    "Linear: a mean over the examples": (
        [(DW, DW + " / len(x)")], ["Linear dW"], "the mean over the examples",
    ),
    "Linear: one row": (
        [(DW, "dweight = dy[0].T @ g[0]")], ["Linear dW"], "only the first row",
    ),
    "Linear: the bias": (
        [('np.zeros_like(self.params["bias"])}', "dy.sum(axis=(0, 1))}")],
        ["Linear dW"],
        "vjp does not use the bias",
    ),
    "Sigmoid: f'' forgotten": (
        [(SIGMOID, "return g * df, None, {}")], ["Sigmoid dx"], "f'' is not 0",
    ),
    "Sigmoid: f' for f''": (
        [(SIGMOID, "return g * df, df * (g * dy).sum(axis=0), {}")],
        ["Sigmoid dx"],
        "f' where f'' belongs",
    ),
    "Sigmoid: no sum over the rows": (
        [(SIGMOID, "return g * df, df * (1 - 2 * y) * (g * dy), {}")],
        ["Sigmoid dx"],
        "expected the sum over the rows",
    ),
    "Tanh: the rows are added too early": (
        [("rows = (g * dy).sum(axis=0)", "rows = g.sum(axis=0) * dy.sum(axis=0)")],
        ["Tanh dx"],
        "added over the rows first",
    ),
    "Tanh: a factor f' too few": (
        [(TANH, "return g * df, -2 * y * rows, {}")], ["Tanh dx"], "one factor f' too few",
    ),
    "Tanh: the sign": (
        [(TANH, "return g * df, 2 * y * df * rows, {}")], ["Tanh dx"], "opposite sign",
    ),
    "Tanh: d_dy without f'": (
        [(TANH, "return g, -2 * y * df * rows, {}")], ["Tanh d_dy"], "f' is missing",
    ),
    "Softmax: the diagonal only": (
        [(SOFTMAX, "return y * (1 - y) * g, y * (1 - y) * (1 - 2 * y) * (g * dy).sum(axis=0), {}")],
        ["Softmax d_dy", "Softmax dx"],
        "diagonal",
    ),
    "Softmax: a term is missing": (
        [(DS_DY, "ds_dy = (g * dy - along_g * dy).sum(axis=0)")],
        ["Softmax dx"],
        "one of the three terms is missing: ⟨y, dy⟩ g",
    ),
    "Softmax: the derivative with respect to y": (
        [(SOFTMAX, "return self.vjp(g, y), ds_dy, {}")], ["Softmax dx"], "its vjp is missing",
    ),
    "Softmax: as a constant": (
        [(SOFTMAX, "return self.vjp(g, y), None, {}")], ["Softmax dx"], "the Jacobian depends on x",
    ),
    "omega: ones": (
        [(IDENTITY, "v = np.ones((1, n, k))")],
        ["omega value", *GRADIENTS, "conduct"],
        "begin with the rows of the identity",
    ),
    "omega: a sum over the examples": (
        [("value = (v**2).sum() / n", "value = (v**2).sum()"), ("g = 2 * v / n", "g = 2 * v")],
        ["omega value", *GRADIENTS, "conduct"],
        "expected the mean",
    ),
    "omega: the factor 2": ([("g = 2 * v / n", "g = v / n")], GRADIENTS, "0.5"),
    "omega: no second-order terms": (
        [("second_order.append(term)", "second_order.append(None)")],
        GRADIENTS,
        "the second-order terms",
    ),
    "omega: second-order terms at the output": (
        [(TERM, "        if second_order[i] is not None:\n"
          "            da = da + second_order[i]\n"
          "        da, through = layers[i].backward(da, caches[i])\n")],
        GRADIENTS,
        "belongs to its input",
    ),
    "omega: no direct gradients": (
        [(ADD, "through[name]")], ["omega dW"], "the grads of double_backward are missing",
    ),
    "omega: no ordinary backward": (
        [(ADD, "grads[i].get(name, 0)")], ["omega dW", "omega db"], "the second-order terms",
    ),
    "omega: the layers are changed": (
        [("value = (v**2).sum() / n", "value = (v**2).sum() / n\n"
          '    layers[0].params["weight"] *= 1.5')],
        [*GRADIENTS, "conduct"],
        "omega changes the weight of a layer",
    ),
}  # fmt: skip


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("contractive_deep", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("contractive_deep", *MISTAKES[mistake])
