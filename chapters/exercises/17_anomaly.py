# %% [markdown]
# # Exercise 17 · Anomaly detection: AUC, threshold and average precision
#
# *Chapter 6, part (b). 10 points. About 45 minutes.*
#
# A model that was trained on normal examples gives each example an error $e_n$. Large errors are
# suspicious. Write the four functions that turn errors into a detector and judge it. `errors` has
# shape $(N,)$. `unusual` has shape $(N,)$ too, with `True` or `1` for an anomaly and `False` or `0`
# for a normal example.
#
# - `roc_auc(errors, unusual)` is the probability that a random anomaly $a$ has a larger error than
#   a random normal example $m$. A tie counts one half:
#   $$\mathrm{AUC} = \frac{1}{AM}\sum_a\sum_m\ [\,e_a > e_m\,] + \tfrac12\,[\,e_a = e_m\,].$$
#   Use ranks: with 200,000 examples there are too many pairs.
# - `threshold(errors, q)` gets the errors of normal examples only. It returns the smallest of these
#   errors such that at least $q N$ of them are at or below it. Do not interpolate.
# - `detect(errors, t)` is `True` where an error is larger than $t$, with shape $(N,)$.
# - `average_precision(errors, unusual)` lets the threshold $t$ go down through all errors. Each $t$
#   detects the examples with $e_n \ge t$. With the precision $P_t$ (the fraction of the detected
#   examples that are anomalies) and the recall $R_t$ (the fraction of the anomalies that are
#   detected),
#   $$\mathrm{AP} = \sum_t (R_t - R_{t'})\,P_t,$$
#   where $t'$ is the threshold before $t$, and $R = 0$ before the first one. Equal errors have one
#   threshold. The errors of this function contain no NaN, and $N$ is small.
#
# In `roc_auc` and `detect`, an error can be NaN: the model could not reconstruct the example at
# all. So NaN counts as *larger* than every other error, and two NaN are a tie. The library raises
# an exception instead, because it cannot know where a NaN comes from.
#
# Why average precision? If one example in a thousand is an anomaly, an AUC of 0.99 can still mean
# ten false alarms for each anomaly. The precision shows this, the AUC does not.

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinyae.applications import pca_autoencoder, reconstruction_errors
from tinyae.data import load_data


# %% nbgrader={"grade": false, "grade_id": "anomaly-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def roc_auc(errors, unusual):
    """The probability that an anomaly has a larger error than a normal example."""
    ### BEGIN SOLUTION
    unusual = np.asarray(unusual).astype(bool)
    errors = np.where(np.isnan(errors), np.inf, errors)
    _, place, times = np.unique(errors, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(times) - (times - 1) / 2)[place]  # equal errors: the mean rank
    a, m = unusual.sum(), (~unusual).sum()
    return (ranks[unusual].sum() - a * (a + 1) / 2) / (a * m)
    ### END SOLUTION


def threshold(errors, q):
    """The smallest error such that at least q N errors are at or below it."""
    ### BEGIN SOLUTION
    k = int(np.ceil(q * len(errors)))
    return np.sort(errors)[k - 1]
    ### END SOLUTION


def detect(errors, t):
    """True where an error is larger than t, or NaN."""
    ### BEGIN SOLUTION
    return ~(errors <= t)
    ### END SOLUTION


def average_precision(errors, unusual):
    """The mean precision over the anomalies, from the largest error down."""
    ### BEGIN SOLUTION
    unusual = np.asarray(unusual).astype(bool)
    value, recall_before = 0.0, 0.0
    for t in np.unique(errors)[::-1]:
        detected = errors >= t
        hits = (detected & unusual).sum()
        recall = hits / unusual.sum()
        value += (recall - recall_before) * hits / detected.sum()
        recall_before = recall
    return value
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# Small cases that you can verify by hand:

# %% tags=["check"]
errors = np.array([0.1, 0.4, 0.4, 0.9])
unusual = np.array([False, True, False, True])
print("AUC", roc_auc(errors, unusual), "expected 0.875: three and a half of four pairs")
print("threshold", threshold(errors, 0.5), "expected 0.4; for q = 0.25 expected 0.1")
print("detected", detect(np.array([0.1, 0.4, np.nan]), 0.4), "expected [F F T]")
print("AP", average_precision(errors, unusual), "expected 0.8333: ½ · 1 + ½ · ⅔")

# %% [markdown]
# Now a real detector: PCA with 16 components, fitted to one digit. The other nine digits are the
# anomalies. Aim for an AUC above 0.9, and for a false-alarm rate of about 5 %.

# %% tags=["check"]
data = load_data("strokes")
normal = data.train.flat[data.train.labels == 0]
model = pca_autoencoder(normal[:-200], 16)
held_out, test = (
    reconstruction_errors(model, x) for x in (normal[-200:], data.test.flat)
)
is_unusual = data.test.labels != 0
t = threshold(held_out, 0.95)
alarms = detect(test, t)
print(f"AUC                {roc_auc(test, is_unusual):.4f}")
print(f"average precision  {average_precision(test, is_unusual):.4f}")
print(f"false alarms       {alarms[~is_unusual].mean():.3f}")
print(f"anomalies found    {alarms[is_unusual].mean():.3f}")

fig, ax = plt.subplots(figsize=(5, 2.5), layout="constrained")
bins = np.linspace(0, np.quantile(test, 0.99), 50)
ax.hist(test[~is_unusual], bins, density=True, alpha=0.6, label="normal")
ax.hist(test[is_unusual], bins, density=True, alpha=0.6, label="anomalies")
ax.axvline(t, color="k", label="threshold")
ax.set(xlabel="error", ylabel="density")
ax.legend()

# %% nbgrader={"grade": true, "grade_id": "anomaly-grade", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "anomaly")
print(result)
result.score
### END HIDDEN TESTS
