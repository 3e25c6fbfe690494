"""Exercise 9, the patches of images and their transpose.

The references use an array of indices: ``where`` says from which pixel each value of a patch comes.
``unfold`` reads there, and ``fold`` adds there.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.errors import StudentException
from tinyae.course.exercise import Check, Code, Exercise, Mistake

N, C = 2, 3


class Setting(NamedTuple):
    """One way to move a window over images of H×W pixels."""

    H: int
    W: int
    k: int
    s: int
    p: int

    @property
    def size(self) -> tuple[int, int]:
        return self.H, self.W

    @property
    def positions(self) -> tuple[int, int]:
        """(Ho, Wo)"""
        H, W, k, s, p = self
        return (H + 2 * p - k) // s + 1, (W + 2 * p - k) // s + 1

    def __str__(self) -> str:
        return f"images of {self.H}×{self.W} pixels, k = {self.k}, s = {self.s}, p = {self.p}"


PLAIN = Setting(6, 7, 3, 1, 0)


def where(setting: Setting, mode: Any = "constant", before: int | None = None) -> Array:
    """(Ho·Wo, k·k): from which pixel of an image, H·W for the zeros around it.

    Args:
        mode: of ``np.pad``.
        before: how much of the border is above and to the left; by default, half of it.
    """
    H, W, k, s, p = setting
    before = p if before is None else before
    options = {"constant_values": H * W} if mode == "constant" else {}
    pixels = np.pad(np.arange(H * W).reshape(H, W), (before, 2 * p - before), mode, **options)
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (k, k))[::s, ::s]
    return windows.reshape(-1, k * k)


def unfold(x: Array, places: Array) -> Array:
    """The reference: (N, C, H, W) -> (N, Ho·Wo, C·k·k), with the ``where`` of a setting."""
    flat = np.append(x.reshape(N, C, -1), np.zeros((N, C, 1)), axis=2)
    patches = flat[:, :, places]  # (N, C, Ho·Wo, k·k)
    return patches.transpose(0, 2, 1, 3).reshape(N, len(places), -1)


def fold(P: Array, size: tuple[int, int], places: Array, add: bool = True) -> Array:
    """The reference: (N, Ho·Wo, C·k·k) -> (N, C, *size); a sum, or the last patch only."""
    patches = P.reshape(N, len(places), C, -1).transpose(0, 2, 1, 3)  # (N, C, Ho·Wo, k·k)
    flat = np.zeros((N, C, size[0] * size[1] + 1))
    for i, pixels in enumerate(places):
        for j, pixel in enumerate(pixels):
            flat[:, :, pixel] = patches[:, :, i, j] + (flat[:, :, pixel] if add else 0)
    return flat[:, :, :-1].reshape(N, C, *size)


def settings(rng: Generator, padding: bool = False, rest: bool = False) -> list[Setting]:
    """Three settings: overlapping patches, none, and at random.

    Args:
        padding: whether there is a border.
        rest: whether there are pixels at the far edge that the steps do not reach.
    """
    found = []
    for k, s in ((3, 2) if rest else (3, 1), (2, 2), (4, 3)):
        p = int(rng.integers(1, k)) if padding else 0
        height, width = (int(n) for n in rng.permutation([3, 4]))
        left = int(rng.integers(1, s)) if rest else 0
        found.append(Setting(k + s * height - 2 * p + left, k + s * width - 2 * p + left, k, s, p))
    return found


def any_settings(rng: Generator, count: int) -> list[Setting]:
    """Settings of any kind: also windows as large as the padded image, and gaps between patches."""
    found: list[Setting] = []
    while len(found) < count:
        setting = Setting(*(int(n) for n in rng.integers((2, 2, 1, 1, 0), (8, 8, 5, 5, 3))))
        if min(setting.positions) >= 1 and setting.p < setting.k:
            found.append(setting)
    return found


BORDERS = {
    "wrap": "the border repeats the other side of the image",
    "edge": "the border repeats the last pixel",
    "symmetric": "the border is a mirror image",
    "constant": "the border is 0",
}
ORDERS = {
    "a patch is written as (k, k, C), expected (C, k, k)": (0, 1, 2, 4, 5, 3),
    "in a channel, values come column after column, expected row after row": (0, 1, 2, 3, 5, 4),
    "patches come column after column, expected row after row": (0, 2, 1, 3, 4, 5),
}


def unfold_message(code: Code, rng: Generator, setting: Setting, circular: bool = False) -> str:
    """What is wrong with the patches of one setting."""
    H, W, k, s, p = setting
    mode, expected = ("wrap", "the other side") if circular else ("constant", "zeros")
    x = rng.normal(size=(N, C, H, W))
    want = unfold(x, where(setting, mode))
    ho, wo = setting.positions
    patches = want.reshape(N, ho, wo, C, k, k)
    causes: dict[str, Any] = {
        text: patches.transpose(order).reshape(want.shape) for text, order in ORDERS.items()
    }
    for other, text in BORDERS.items():
        causes[f"{text}, expected {expected}"] = unfold(x, where(setting, other))
    causes["the whole border is on one side"] = [
        unfold(x, where(setting, mode, before)) for before in (0, 2 * p)
    ]
    sizes = {
        "the last position is missing: range(0, H + 2 * p - k + 1, s)": (ho - 1, wo - 1),
        "the border is missing": ((H - k) // s + 1, (W - k) // s + 1),
        "the border is on one side only": ((H + p - k) // s + 1, (W + p - k) // s + 1),
    }
    shapes: dict[str, tuple[int, ...]] = {
        text: (N, rows * columns, C * k * k) for text, (rows, columns) in sizes.items()
    }
    shapes["each patch should be one row, channel after channel"] = (N, ho * wo, C, k, k)
    shapes["rows and columns are exchanged"] = (N, C * k * k, ho * wo)
    P = code.call("unfold_circular" if circular else "unfold", x, k, s, p)
    return at(judge.compare(P, want, "P", causes, shapes=shapes), setting)


def fold_message(code: Code, rng: Generator, setting: Setting, circular: bool = False) -> str:
    """What is wrong with the images of one setting."""
    H, W, k, s, p = setting
    places = where(setting, "wrap" if circular else "constant")
    P = rng.normal(size=(N, len(places), C * k * k))
    want = fold(P, (H, W), places)
    counts = fold(np.ones_like(P), (H, W), places)
    turned = P.reshape(N, -1, k * k, C).swapaxes(2, 3).reshape(P.shape)
    padded = Setting(H + 2 * p, W + 2 * p, k, s, 0)
    whole = fold(P, padded.size, where(padded))
    causes = {
        "where patches overlap, a patch replaces the one before: use += for =": (
            fold(P, (H, W), places, add=False)
        ),
        "it is the mean of the patches that cover a pixel, expected the sum": (
            want / np.maximum(counts, 1)
        ),
        "patches were read as (k, k, C), but unfold writes (C, k, k)": fold(turned, (H, W), places),
        "the whole border was cut off on one side": whole[:, :, :H, :W],
        "the whole border was cut off above and to the left": whole[:, :, 2 * p :, 2 * p :],
    }
    if circular:
        causes["the border was cut off, but it belongs to the pixels on the other side"] = whole[
            :, :, p : p + H, p : p + W
        ]
        rows, columns = (np.arange(-p, n + p) % n for n in (H, W))
        once = np.zeros_like(want)
        once[:, :, rows[:, None], columns] += whole
        causes["x[indices] += v adds only once where an index occurs twice: use np.add.at"] = once
    reached = [n * s - s + k for n in setting.positions]  # where the last patch ends
    shapes = {
        "the border was not cut off": (N, C, *padded.size),
        "the image ends where the last patch ends, but it can be larger": (N, C, *reached),
        "with p = 0, the slice p:-p is empty": (N, C, 0, 0),
    }
    x = code.call("fold_circular" if circular else "fold", P, (H, W), k, s, p)
    return at(judge.compare(x, want, "x", causes, shapes=shapes), setting)


def at(message: str, setting: Setting) -> str:
    """The message, with the setting that it is about."""
    return f"{message} ({setting})" if message else ""


def first(code: Code, rng: Generator, part: str, **kind: bool) -> dict[str, str]:
    """The first message of three settings, for ``unfold`` or ``fold``, as the part says."""
    name = part.partition(",")[0]
    message = fold_message if name == "fold" else unfold_message
    for setting in settings(rng, **kind):
        try:
            text = message(code, rng, setting, "circular" in part)
            if text and "circular" in part and message(code, rng, PLAIN):
                text = f"{name} itself is wrong, see above; here, {text}"
        except StudentException as error:
            if "circular" not in part or error.type == "NotImplementedError":
                raise
            text = f"{error} (is {name} itself right?)"
        if text:
            return {part: text}
    return {}


def check(part: str, points: float, **kind: bool) -> Check:
    return Check({part: points}, lambda code, rng: first(code, rng, part, **kind))


def adjoint(code: Code, rng: Generator) -> dict[str, str]:
    """The student's fold against the student's unfold, whatever the order in a patch is."""
    for setting in any_settings(rng, 50):
        x = rng.normal(size=(N, C, *setting.size))
        arguments = setting[2:]
        P, want = code.call("unfold", x, *arguments), unfold(x, where(setting))
        if np.shape(P) != want.shape:
            raise Mistake(judge.compare(P, want, "P") + f" ({setting})")
        if not judge.close(np.sort(P, axis=None), np.sort(want, axis=None)):
            raise Mistake(f"P has other values than the patches of x ({setting})")
        c = rng.normal(size=P.shape)
        folded = code.call("fold", c, setting.size, *arguments)
        if np.shape(folded) != x.shape:
            raise Mistake(judge.compare(folded, x, "x") + f" ({setting})")
        gap = abs(float((c * P).sum() - (folded * x).sum()))
        if gap > 1e-13 * (np.abs(c) * np.abs(P)).sum():
            return {"adjoint": f"<c, unfold(x)> is not <fold(c), x> ({setting})"}
    return {}


def conduct(code: Code, rng: Generator) -> dict[str, str]:
    setting = Setting(6, 5, 3, 2, 1)
    x, other = rng.normal(size=(2, N, C, *setting.size))
    c = unfold(other, where(setting))

    def forward(x: Array) -> tuple[Array, None]:
        return code.call("unfold", x, *setting[2:]), None

    def backward(_: Array, cache: None) -> list[Array]:
        return [code.call("fold", c, setting.size, *setting[2:])]

    text = judge.conduct(forward, backward, x, other)
    if not text:
        folded = code.call("fold", c.astype(np.float32), setting.size, *setting[2:])
        dtype = np.asarray(folded).dtype
        if dtype != np.float32:
            text = f"fold makes {dtype} images of float32 patches: np.zeros needs the dtype of P"
    text = text or judge.in_place(code, "unfold", {"x": x}, *setting[2:])
    text = text or judge.in_place(code, "fold", {"P": c}, setting.size, *setting[2:])
    return judge.only_wrong(conduct=text)


EXERCISE = Exercise(
    name="unfold_fold",
    number=9,
    title="unfold and fold",
    chapter="02_convolution",
    checks=(
        check("unfold", 1),
        check("unfold, padding", 1, padding=True),
        check("unfold, far edge", 1, rest=True),
        check("fold", 2),
        check("fold, padding", 1, padding=True),
        check("fold, far edge", 1, rest=True),
        check("unfold, circular", 1, padding=True),
        check("fold, circular", 1, padding=True),
        Check({"adjoint": 0.5}, adjoint),
        Check({"conduct": 0.5}, conduct, needs=("unfold",)),
    ),
)
