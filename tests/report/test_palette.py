"""What figures tell apart by colour can be told apart in grey and by the colour-blind."""

from itertools import combinations

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from idbias.report import figures, figures_spectra

# Full dichromacy: Machado, Oliveira and Fernandes 2009, table 1, severity 1.0; on linear RGB.
VISION = {
    "all cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# Side by side in one figure, told apart by colour alone or nearly so.
TOGETHER = {
    "histogram and line": (figures.SHUFFLED, figures.OBSERVED),
    "essential and adversarial": (figures.ESSENTIAL, figures.ADVERSARIAL),
}
# CIELAB lightness goes from 0 to 100; 15 is a clear step of grey.
STEP = 15


def linear(colour):
    """sRGB to linear RGB (IEC 61966-2-1)."""
    values = np.array(to_rgb(colour))
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lightness(colour, vision="all cones"):
    """CIELAB L* of a colour as someone with that vision sees it: what is left of it in grey."""
    seen = np.clip(np.asarray(VISION[vision]) @ linear(colour), 0, 1)
    luminance = seen @ [0.2126, 0.7152, 0.0722]
    return 116 * np.cbrt(luminance) - 16 if luminance > 0.008856 else 903.3 * luminance


def test_lightness_is_that_of_known_colours():
    assert lightness("white") == pytest.approx(100, abs=0.1)
    assert lightness("red") == pytest.approx(53.2, abs=0.1)
    assert lightness("red", "protanopia") < lightness("red") - 10


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("pair", TOGETHER.values(), ids=TOGETHER)
def test_two_colours_differ_in_lightness_for_every_eye(pair, vision):
    first, second = (lightness(colour, vision) for colour in pair)
    assert abs(first - second) > STEP


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("count", [2, 3, 4, 6, 8])
def test_lines_differ_in_dashes_or_lightness(count, vision):
    looks = [(lightness(colour, vision), dashes) for colour, dashes in figures.lines(count)]
    for (first, dashes), (second, others) in combinations(looks, 2):
        assert dashes != others or abs(first - second) > STEP


def test_markers_of_one_figure_differ_in_shape():
    shapes = [shape for shape, _ in figures_spectra.MARKERS.values()]
    assert len(set(shapes)) == len(shapes)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("name", [figures.STYLE["image.cmap"], "Blues_r", "gray"])
def test_colour_maps_rise_in_lightness_for_every_eye(name, vision):
    colours = matplotlib.colormaps[name](np.linspace(0, 1, 32))[:, :3]
    steps = np.diff([lightness(tuple(colour), vision) for colour in colours])
    assert (steps > -0.5).all()
    assert steps.sum() > 60
