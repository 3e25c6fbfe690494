"""What a checker overlooks, as sentences: from the layers about which it is wrong, and from what it
has asked of them."""

from __future__ import annotations

from collections.abc import Iterable

from tinyae.course.verdicts import Verdict

MISSED = {
    "linear_tiny_threefold linear_tiny_weights_threefold": (
        "gradients of 1e-7 that are three times too large pass: an absolute tolerance hides them, "
        "so compare relative to the size of the gradient"
    ),
    "linear_half_percent linear_one_entry": (
        "an error of 1 % passes: in float64, a relative tolerance of 1e-5 is enough"
    ),
    "linear_bias_not_summed linear_bias_keepdims linear_weight_transposed_shape "
    "conv_bias_over_batch_only conv_bias_over_pixels_only up_bias_over_batch_only": (
        "a gradient of the wrong shape passes: NumPy broadcasts, so compare the shapes first"
    ),
    "linear_no_bias_gradient linear_other_name": (
        "a gradient that is missing, or has another name, passes: grads must have the keys of "
        "params"
    ),
    "linear_overwrites_dy linear_overwrites_x linear_updates_in_backward": (
        "a layer that changes x, dy or params in place passes: compare them with copies afterward"
    ),
    "linear_accumulates": (
        "a layer that adds its gradients to those of the last call passes: call backward twice"
    ),
    "linear_unseeded_noise dropout_keeps_generator": (
        "a layer whose output changes from call to call passes: call forward twice"
    ),
    "linear_not_linear_in_dy relu_masks_dy linear_ignores_dy": (
        "a backward pass that is not linear in dy passes: try a second dy"
    ),
    "linear_float32_gradient linear_float32_inside": (
        "a float32 gradient, or one computed in float32, passes in a float64 layer"
    ),
    "linear_nan": "NaN passes: every comparison with NaN is False",
}
REJECTED = {
    "relu_normal relu_exact_zeros relu_nearly_zero relu_net_exact_zeros deep_relu leaky_relu "
    "elu_kinked relu_conv digits_zero_bias_conv l1_penalty": (
        "right layers are rejected where a step crosses a kink, such as that of ReLU at 0: where "
        "the two one-sided slopes differ, there is nothing to compare with"
    ),
    "linear_float32 mse_float32": (
        "float32 is too coarse for differences: convert x and the parameters to float64 first"
    ),
    "inputs_of_a_million linear_inputs_of_a_million offset_of_a_million batch_norm "
    "saturated_sigmoid very_saturated_sigmoid saturated_tanh mse_at_minimum mse_near_minimum "
    "gradients_of_1e8": (
        "right gradients are rejected where the difference has large rounding errors: allow about "
        "1e-15 · Σ|dy · y| / h, and divide by zero nowhere"
    ),
    "norm_of_tiny bce_near_edge steep": (
        "right gradients are rejected where the step is too large: try a smaller one before you "
        "reject"
    ),
    "one_example one_number": "a batch of one example, or a layer with one entry, is rejected",
}


def hints(verdicts: Iterable[Verdict]) -> list[str]:
    """Why the checker is wrong, as far as it can be told."""
    verdicts = list(verdicts)
    wrong = [v for v in verdicts if not v.is_right]
    found = [*_from_questions(verdicts)] if wrong else []
    for table, is_bug in ((MISSED, True), (REJECTED, False)):
        names = {v.example.name for v in wrong if v.is_bug is is_bug}
        found += [text for known, text in table.items() if names & set(known.split())]
    reasons = [v.reason for v in wrong if v.reason]
    if reasons:
        most = max(set(reasons), key=reasons.count)
        found.insert(0, f"of {len(wrong)} wrong answers, {reasons.count(most)} are because {most}")
    return found


def _from_questions(verdicts: list[Verdict]) -> Iterable[str]:
    """From what the layers were asked. A layer that was rejected was perhaps not asked the rest."""
    accepted = [v.lent for v in verdicts if v.accepted]
    if not accepted:
        return
    if not any(lent.backwards for lent in accepted):
        yield "check never calls backward"
        return
    if not any(lent.has_varied_dy for lent in accepted):
        yield (
            "dy has the same value everywhere: with ones, the gradients of softmax look right even "
            "if they are 0, and so do permuted columns; draw dy at random"
        )
    for what in ("x", "params"):
        arrays = [
            moved
            for lent in accepted
            for name, moved in lent.moved.items()
            if (name == "x") is (what == "x")
        ]
        total, moved = sum(m.size for m in arrays), sum(int(m.sum()) for m in arrays)
        if arrays and not moved:
            yield f"{what} is never changed, so {'dx' if what == 'x' else 'grads'} is not checked"
        elif moved < total / 2:
            yield f"only {moved / total:.0%} of the entries of {what} are checked"
