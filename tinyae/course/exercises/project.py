"""Exercise 22, the project: an objective of the student's own. Here is what a program can check; an
instructor grades the rest by the rubric in the task."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise, Mistake, Partial
from tinyae.course.values import Seed

N = 64  # examples per call
STEPS, LR = 60, 0.01
SECONDS = 1.0
SIZES = range(50, 3001)  # of a figure, in pixels


@dataclass
class Project:
    """The student's model and data.

    Attributes:
        model: a handle.
        x: examples.
        seed: of the objective.
        names: of the parameters.
    """

    code: Code
    model: Any
    x: Array
    seed: Seed
    names: list[str]

    def objective(self, x: Array | None = None, seed: Seed | None = None) -> tuple[Any, Any, Any]:
        """``loss, grads, terms``.

        Raises:
            Mistake: if they are something else.
        """
        arguments = self.model, self.x if x is None else x, seed or self.seed
        loss, grads, terms = judge.pair(
            self.code.call("objective", *arguments), "loss, grads, terms"
        )
        loss = judge.number(loss, "the loss")
        if not np.isfinite(loss):
            raise Mistake(f"the loss is {loss}")
        if not isinstance(grads, dict) or set(grads) != set(self.names):
            keys = sorted(map(str, grads)) if isinstance(grads, dict) else judge.described(grads)
            raise Mistake(f"grads has {keys}, expected the keys of model.params: {self.names}")
        return loss, grads, terms


def prepare(code: Code, rng: Generator) -> Project:
    """
    Raises:
        Mistake: if the model or the data cannot be used.
    """
    seed = Seed(int(rng.integers(2**32)))
    model = code.construct("build_model", seed)
    names = list(code.call("tinyae.course.student_model.parameter_names", model))
    arrays = code.arrays(model)
    for name in names:
        if name not in arrays or arrays[name].dtype != np.float64:
            raise Mistake(f"model.params[{name!r}] is not a float64 array")
    x = code.call("examples", N, seed)
    if not isinstance(x, np.ndarray) or len(x) != N or x.dtype.kind != "f":
        raise Mistake(f"examples({N}, rng) returned {judge.described(x)}, expected {N} examples")
    return Project(code, model, x, seed, names)


def runs(code: Code, rng: Generator) -> dict[str, str]:
    project = prepare(code, rng)
    _, grads, terms = project.objective()
    arrays = code.arrays(project.model)
    for name in project.names:
        if np.shape(grads[name]) != arrays[name].shape:
            return {
                "runs": f"grads[{name!r}] has shape {np.shape(grads[name])}, expected "
                f"{arrays[name].shape}"
            }
    if all(not np.any(g) for g in grads.values()):
        return dict.fromkeys(("runs", "terms"), "all gradients are 0")
    if not isinstance(terms, dict) or len(terms) < 2:
        return {"terms": "terms is not a dict with at least two terms, such as mse and your own"}
    for name, value in terms.items():
        judge.number(value, f"terms[{name!r}]")
    return {}


def gradients(code: Code, rng: Generator) -> dict[str, str]:
    """Differences of the student's own loss, along random directions and for some entries."""
    project = prepare(code, rng)
    _, grads, _ = project.objective()
    arrays = code.arrays(project.model)
    wrong: dict[str, str] = {}
    for name in project.names:
        text = tensor(project, name, arrays[name], np.asarray(grads[name]), rng)
        wrong |= judge.only_wrong(**{name: text})
    if not wrong:
        return {}
    name, text = next(iter(wrong.items()))
    text = f"{len(wrong)} of {len(project.names)} gradients are wrong; that of {name}: {text}"
    return {"gradients": Partial(text, 1 - len(wrong) / len(project.names))}


def tensor(project: Project, name: str, w: Array, g: Array, rng: Generator) -> str:
    """What is wrong with the gradient of one parameter."""
    directions = [rng.choice([-1.0, 1.0], size=w.shape)]
    for i in rng.permutation(w.size)[:4]:
        directions.append((np.arange(w.size) == i).astype(float).reshape(w.shape))
    slopes, expected = [], []
    for direction in directions:
        slope = float((g * direction).sum())
        numeric = [difference(project, name, w, direction, h) for h in (1e-5, 1e-6, 1e-7)]
        best = min(numeric, key=lambda value: abs(value - slope))  # a kink may be in one of them
        slopes.append(slope)
        expected.append(best)
    project.code.set_array(project.model, name, w)
    size = max(np.abs(slopes).max(), np.abs(expected).max())
    if np.abs(np.subtract(slopes, expected)).max() <= 1e-4 * size + 1e-8:
        return ""
    return judge.compare(np.array(slopes), np.array(expected), "it", rtol=1e-4)


def difference(project: Project, name: str, w: Array, direction: Array, h: float) -> float:
    values = []
    for sign in (1, -1):
        project.code.set_array(project.model, name, w + sign * h * direction)
        values.append(project.objective()[0])
    return (values[0] - values[1]) / (2 * h)


def seed(code: Code, rng: Generator) -> dict[str, str]:
    project = prepare(code, rng)
    before = code.arrays(project.model)
    first = project.objective()[0]
    if project.objective()[0] != first:
        return {"seed": "the loss changes from call to call: draw random numbers from rng only"}
    _, (_, x, _) = code.call_in_place("objective", project.model, project.x, project.seed)
    if not np.array_equal(x, project.x):
        return {"seed": "the objective changes x in place"}
    after = code.arrays(project.model)
    if any(not np.array_equal(w, after[name]) for name, w in before.items()):
        return {"seed": "the objective changes the model's parameters"}
    return {}


def learns(code: Code, rng: Generator) -> dict[str, str]:
    """Adam's steps, on new examples each time; the loss is that of other examples."""
    project = prepare(code, rng)
    before = project.objective()[0]
    arrays = code.arrays(project.model)
    m = {name: np.zeros_like(arrays[name]) for name in project.names}
    v = {name: np.zeros_like(arrays[name]) for name in project.names}
    for t in range(1, STEPS + 1):
        x = code.call("examples", N, Seed(int(rng.integers(2**32))))
        _, grads, _ = project.objective(x, Seed(t))
        for name in project.names:
            g = np.asarray(grads[name])
            m[name] = 0.9 * m[name] + 0.1 * g
            v[name] = 0.999 * v[name] + 0.001 * g * g
            step = m[name] / (1 - 0.9**t) / (np.sqrt(v[name] / (1 - 0.999**t)) + 1e-8)
            arrays[name] = arrays[name] - LR * step
            code.set_array(project.model, name, arrays[name])
    after = project.objective()[0]
    if after < before - 0.1 * abs(before):
        return {}
    return {"learns": f"the loss is {before:.4g}, and {after:.4g} after {STEPS} steps of Adam"}


def run_time(code: Code, rng: Generator) -> dict[str, str]:
    project = prepare(code, rng)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        project.objective()
        times.append(time.perf_counter() - start)
    text = f"a call with {N} examples takes {min(times):.1f} s, expected at most {SECONDS:g} s"
    return judge.only_wrong(**{"run time": text if min(times) > SECONDS else ""})


def own_check(code: Code, rng: Generator) -> dict[str, str]:
    """The student's check, on the right objective and on wrong ones."""
    project = prepare(code, rng)
    objective = code.get("objective")
    if not truth(code.call("check", objective, project.model, project.x)):
        return {"check": "it rejects your own objective"}
    for factor in (0.5, -1.0):
        name = project.names[rng.integers(len(project.names))]
        where = "tinyae.course.student_model.WrongGradient"
        wrong = code.construct(where, objective, name, factor)
        if truth(code.call("check", wrong, project.model, project.x)):
            return {
                "check": f"it accepts a gradient of {name} that is {factor:g} times the right one"
            }
    return {}


def truth(value: Any) -> bool:
    """
    Raises:
        Mistake: if the value is not True or False.
    """
    if isinstance(value, bool) or (isinstance(value, np.ndarray) and value.dtype == bool):
        return bool(np.all(value))
    raise Mistake(f"check returned {judge.described(value)}, expected True or False")


def figure(code: Code, rng: Generator) -> dict[str, str]:
    image = code.call("figure")
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] not in (3, 4):
        return {"figure": f"figure returned {judge.described(image)}, expected (height, width, 3)"}
    if image.dtype != np.uint8 or not all(size in SIZES for size in image.shape[:2]):
        return {
            "figure": f"an image of shape {image.shape} and dtype {image.dtype}, expected uint8"
        }
    colors = len(np.unique(image.reshape(-1, image.shape[2]), axis=0))
    return judge.only_wrong(figure="the figure is empty" if colors < 5 else "")


EXERCISE = Exercise(
    name="project",
    number=22,
    title="Project: an objective of your own",
    chapter="09_gradient_checking",
    checks=(
        Check({"runs": 1, "terms": 0.5}, runs),
        Check({"gradients": 3}, gradients, needs=("runs",)),
        Check({"seed": 1}, seed, needs=("runs",)),
        Check({"learns": 1.5}, learns, needs=("runs",)),
        Check({"run time": 0.5}, run_time, needs=("runs",)),
        Check({"check": 1.5}, own_check, needs=("runs",)),
        Check({"figure": 1}, figure),
    ),
)
