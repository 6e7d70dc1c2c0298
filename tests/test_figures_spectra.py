"""The tables under the figures of spectra, and that each figure draws what it is given."""

import numpy as np
import pytest

from idbias import figures_spectra, spectra


@pytest.fixture
def weights():
    """Noise, and noise smoothed over 2 by 2 pixels: of lower frequency."""
    noise = np.random.default_rng(0).normal(size=(200, 1, 8, 8))
    smooth = noise + np.roll(noise, 1, 2) + np.roll(noise, 1, 3) + np.roll(noise, (1, 1), (2, 3))
    return {"white": spectra.energy(noise), "smooth": spectra.energy(smooth)}


def test_tables_tell_smooth_from_white(weights):
    table = figures_spectra.frequency_table(weights, seed=0).set_index("name")
    assert table.loc["smooth", "high"] < table.loc["white", "low"]
    assert (table["low"] < table["mean"]).all()
    assert (table["mean"] < table["high"]).all()
    assert (table["images"] == 200).all()
    profiles = figures_spectra.profile_table(weights, seed=0)
    white = profiles[profiles["name"] == "white"]
    # but for the mean, one point of the grid, which 200 images leave uncertain
    np.testing.assert_allclose(white["mean"].iloc[1:], 1 / 64, rtol=0.1)
    smooth = profiles[profiles["name"] == "smooth"]
    assert smooth["mean"].iloc[0] > 10 * smooth["mean"].iloc[-2]


def test_figures_draw_all_they_are_given(weights):
    means = {name: np.sqrt(grid).mean(0) for name, grid in weights.items()}
    figure = figures_spectra.spectra(means)
    titles = {axes.get_title() for axes in figure.axes if axes.images}
    assert titles == set(means)
    drawn = next(axes for axes in figure.axes if axes.get_title() == "smooth").images[0].get_array()
    # Zero frequency, where smoothed noise is strongest, is drawn in the middle.
    assert np.unravel_index(drawn.argmax(), drawn.shape) == (4, 4)
    table = figures_spectra.profile_table(weights, seed=0)
    assert len(figures_spectra.profiles(table).axes[0].lines) == 2
    sizes = figures_spectra.frequency_table(weights, seed=0).assign(
        family="1 linear", kernel=[3, 8]
    )
    assert len(figures_spectra.kernel_sizes(sizes).axes[0].containers) == 1
