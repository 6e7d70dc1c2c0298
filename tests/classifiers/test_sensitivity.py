"""Error under noise of one frequency and accuracy by band, on a classifier whose frequency is known."""

import numpy as np
import pytest
import torch

from idbias.classifiers import sensitivity

SIDE = 8


class OneFrequency(torch.nn.Module):
    """Class 1 where an image has more of the wave (vertical, horizontal) than a threshold."""

    def __init__(self, vertical, horizontal, threshold=0.1):
        super().__init__()
        wave = sensitivity.wave((SIDE, SIDE), vertical, horizontal)
        self.wave, self.threshold = torch.as_tensor(wave, dtype=torch.float32), threshold

    def forward(self, images):
        found = (images * self.wave).mean((1, 2, 3))
        return torch.stack([torch.full_like(found, self.threshold), found], dim=1)


@pytest.fixture
def images():
    wave = sensitivity.wave((SIDE, SIDE), -1, -2)
    return np.stack([0.5 + size * wave for size in (0.0, 0.0, 0.2, 0.2)] * 10)[:, None].astype(
        np.float32
    )


# Not in step with the sign of the noise, which alternates.
LABELS = np.array([0, 0, 1, 1] * 10)


def test_noise_hurts_at_the_classifier_s_frequency_and_at_its_mirror_image(images):
    classifier = OneFrequency(-1, -2)
    assert sensitivity.accuracy(classifier, images, LABELS, "cpu") == 1
    vertical, horizontal, error = sensitivity.heat_map(classifier, images, LABELS, 0.15)
    assert list(vertical) == list(horizontal) == list(range(-4, 4))
    hurt = {(vertical[v], horizontal[h]) for v, h in np.argwhere(error > 0.2)}
    assert hurt == {(1, 2), (-1, -2)}


def test_bands_keep_the_classifier_s_frequency_or_not(images):
    bands = sensitivity.bands(OneFrequency(-1, -2), images, LABELS)
    at = np.hypot(1, 2) / SIDE
    radius, low, high, stop = (
        bands[name] for name in ("radius", "low_pass", "high_pass", "band_stop")
    )
    assert low.tolist() == np.where(radius >= at, 1, 0.5).tolist()
    assert high.tolist() == np.where(radius >= at, 0.5, 1).tolist()
    assert (stop == 0.5).sum() == 1
    assert stop[0] == 1


@pytest.mark.parametrize("side", [7, 8, 32, 96, 224])
def test_a_wave_has_one_frequency_and_the_axis_holds_zero(side):
    axis = sensitivity.axis(side)
    assert 0 in axis
    assert len(axis) <= sensitivity.MOST_FREQUENCIES
    assert (np.diff(axis) > 0).all()
    for vertical, horizontal in ((0, 0), (axis[0], 0), (axis[-1], axis[1])):
        wave = sensitivity.wave((side, side), vertical, horizontal)
        assert (wave**2).mean() == pytest.approx(1)
        place = {(vertical % side, horizontal % side), (-vertical % side, -horizontal % side)}
        found = np.argwhere(np.abs(np.fft.fft2(wave)) > 1e-6 * side**2)
        assert {tuple(one) for one in found} == place


def test_as_many_images_as_the_budget_allows_evenly_spaced():
    index = np.arange(0, 20000, 2)
    small, large = (sensitivity.chosen(index, (3, side, side)) for side in (8, 224))
    assert len(small) == sensitivity.MANY
    assert len(large) == sensitivity.FEW
    assert small[0] == 0
    assert small[-1] == 19998
    assert len(sensitivity.chosen(index[:5], (1, 8, 8))) == 5
