"""Plots: each draws its data into the given axes and returns them."""

import sys

import numpy as np
import pytest

from tinyae import Autoencoder, Linear, ReLU, Sequential, plots
from tinyae._figures import encode_png
from tinyae.data.images import as_display_images
from tinyae.models import conv_autoencoder
from tinyae.training import History

X = np.random.default_rng(0).random((6, 1, 5, 5), dtype=np.float32)


@pytest.fixture(autouse=True)
def closed():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def test_all_shapes_of_images_give_the_same_display_images():
    expected = X[:, 0]
    for x in (X, X.reshape(6, 25), X[:, 0]):
        assert np.array_equal(as_display_images(x), expected)
    assert (
        as_display_images(np.zeros((2, 3, 4, 5))).shape
        == as_display_images(np.zeros((2, 4, 5, 3))).shape
        == (2, 4, 5, 3)
    )
    for bad in (np.zeros((2, 26)), np.zeros(5), np.zeros((2, 2, 4, 4))):
        with pytest.raises(ValueError, match="as_display_images"):
            as_display_images(bad)


def test_mosaic_contains_every_image_in_reading_order():
    sheet = plots.mosaic(X, columns=3, gap=1, fill=9.0)
    assert sheet.shape == (2 * 5 + 1, 3 * 5 + 2)
    assert np.array_equal(sheet[6:11, 6:11], X[4, 0])
    assert (sheet[5] == 9).all() and (sheet[:, 5] == 9).all()


def test_every_plot_draws_into_the_given_axes_and_returns_it():
    import matplotlib.pyplot as plt

    rng = np.random.default_rng(0)
    model = Autoencoder(Sequential(Linear(25, 4, rng=0), ReLU()), Sequential(Linear(4, 25, rng=0)))
    history = History(
        [{"epoch": 1, "loss": 2.0, "val_loss": 2.5}, {"epoch": 2, "loss": 1.0, "val_loss": 1.5}]
    )
    draw = [
        lambda ax: plots.plot_images(X, ax=ax),
        lambda ax: plots.plot_reconstructions(X, X.reshape(6, 25), ax=ax),
        lambda ax: plots.plot_history(history, ax=ax),
        lambda ax: plots.plot_filters(model, ax=ax),
        lambda ax: plots.plot_codes(rng.random((6, 2)), np.arange(6), ax=ax),
        lambda ax: plots.plot_codes(rng.random((6, 7)), ax=ax),
    ]
    flat = Autoencoder(Sequential(Linear(25, 2, rng=0)), Sequential(Linear(2, 25, rng=0)))
    axes = plots.plot_latent_plane(flat, X.reshape(6, 25), np.arange(6), n=3)
    assert len(axes) == 2 and axes[1].images[0].get_array().shape == (3 * 5 + 4, 3 * 5 + 4)
    with pytest.raises(ValueError, match=r"codes have shape \(6, 4\), expected \(N, 2\)"):
        plots.plot_latent_plane(model, X.reshape(6, 25))
    for f in draw:
        ax = plt.subplots()[1]
        assert f(ax) is ax
        assert f(None) is not ax
        ax.figure.canvas.draw()


def test_plot_history_shows_the_losses_and_terms():
    other = {"seconds": 1.0, "images_per_s": 9.0, "lr": 1e-3}
    history = History([{"epoch": e, "loss": 1 / e, "val_loss": 2 / e, **other} for e in (1, 2)])
    ax = plots.plot_history(history)
    assert [line.get_label() for line in ax.get_lines()] == ["training", "validation"]
    assert np.allclose(ax.get_lines()[1].get_ydata(), [2.0, 1.0])
    terms = {"reconstruction": 0.9, "kl": 0.1, "discriminator": 1.0, "discriminator_accuracy": 0.5}
    lines = plots.plot_history(
        History([{"epoch": 1, "loss": 1.0, **terms, "val_loss": 2.0}])
    ).get_lines()
    assert (
        len({line.get_color() for line in lines}) == len(lines) == 5
    )  # discriminator_accuracy is not a loss
    plots.plot_history(History())  # an empty history is not an error


def test_codes_of_many_dimensions_are_projected_onto_two_principal_components():
    rng = np.random.default_rng(0)
    z = np.zeros((50, 5))
    z[:, 3], z[:, 1] = rng.normal(size=50) * 10, rng.normal(size=50)
    points = plots.plot_codes(z).collections[0].get_offsets()
    z -= z.mean(axis=0)
    assert np.allclose(np.square(points).sum(axis=0), np.linalg.eigvalsh(z.T @ z)[-1:-3:-1])


def test_mistakes_get_a_helpful_message():
    with pytest.raises(ValueError, match="differ in shape"):
        plots.plot_reconstructions(X, X[:3])
    with pytest.raises(ValueError, match="codes have shape"):
        plots.plot_codes(np.zeros((5, 1)))
    with pytest.raises(ValueError, match="4 labels for 5 codes"):
        plots.plot_codes(np.zeros((5, 2)), np.zeros(4))
    with pytest.raises(ValueError, match="not a Linear layer"):
        plots.plot_filters(conv_autoencoder(0))


def test_save_writes_the_image_and_closes_the_figure(tmp_path):
    import matplotlib.pyplot as plt

    path = plots.save(plots.plot_images(X), tmp_path / "x.png")
    assert path.read_bytes()[:4] == b"\x89PNG"
    assert not plt.get_fignums()


@pytest.fixture
def script(tmp_path, monkeypatch):
    """A folder in which ``show`` is called as a chapter calls it when it runs as a script."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "chapter.py", raising=False)
    monkeypatch.delenv("TINYAE_FAST", raising=False)
    monkeypatch.delenv("TINYAE_FIGURES", raising=False)
    return tmp_path


def written(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_script_saves_its_figures_in_runs_and_line_drawings_as_svg_too(script, monkeypatch):
    plots.show(plots.plot_history(History([{"epoch": 1, "loss": 2.0}])), "lines")
    plots.show(plots.plot_images(np.zeros((9, 8, 8))), "pixels")
    plots.show(plots.plot_codes(np.zeros((900, 2))), "cloud")
    names = ["cloud.png", "lines.png", "lines.svg", "pixels.png"]
    assert written(script) == [f"runs/figures/{name}" for name in names]
    monkeypatch.setenv("TINYAE_FIGURES", "here")
    plots.show(plots.plot_images(X), "small")
    assert written(script)[:2] == ["here/small.png", "here/small.svg"]


def test_the_same_figure_gives_the_same_files(script, monkeypatch):
    for folder in ("one", "two"):
        monkeypatch.setenv("TINYAE_FIGURES", folder)
        plots.show(plots.plot_history(History([{"epoch": 1, "loss": 2.0}])), "lines")
    for name in ("lines.png", "lines.svg"):
        assert (script / "one" / name).read_bytes() == (script / "two" / name).read_bytes()


def test_a_fast_script_saves_nothing(script, monkeypatch):
    monkeypatch.setenv("TINYAE_FAST", "1")
    plots.show(plots.plot_images(X), "small")
    assert not written(script)


def read_png(data, tmp_path):
    import matplotlib.image

    (tmp_path / "image.png").write_bytes(data)
    return matplotlib.image.imread(tmp_path / "image.png")


def test_a_png_without_matplotlib_has_the_pixels(tmp_path):
    rng = np.random.default_rng(0)
    for shape in ((4, 7), (5, 3, 3)):
        pixels = rng.integers(0, 256, shape) / 255
        assert np.allclose(read_png(encode_png(pixels), tmp_path), pixels, atol=1e-6)
    beyond = read_png(encode_png(np.array([[-1.0, 2.0]])), tmp_path)
    assert np.array_equal(beyond, [[0, 1]])


def test_sheets_of_images_need_no_matplotlib(tmp_path, monkeypatch):
    model = Autoencoder(Sequential(Linear(25, 4, rng=0), ReLU()), Sequential(Linear(4, 25, rng=0)))
    draw = [
        lambda: plots.plot_images(X, title="six"),
        lambda: plots.plot_reconstructions(X, X.reshape(6, 25)),
        lambda: plots.plot_filters(model),
    ]
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "matplotlib.pyplot", None)
        images = [each() for each in draw]
        path = plots.save(images[0], tmp_path / "saved.png")
        with pytest.raises(ImportError, match="matplotlib"):
            plots.plot_codes(np.zeros((3, 2)))
    sheet = 1 - plots.mosaic(X, fill=0.0)
    shown = read_png(path.read_bytes(), tmp_path)
    assert np.allclose(shown[::2, ::2], sheet, atol=1 / 255)
    filters = read_png(images[2]._repr_png_(), tmp_path)
    weights = model.encoder.layers[0].params["weight"]
    strongest = weights[np.linalg.norm(weights, axis=1).argmax()]
    red, _, blue = filters[:10:2, :10:2].reshape(25, 3).T
    assert np.array_equal(red > blue, strongest > 0)
