"""Numbers as text: what rounding must not change."""

import pytest

from idbias.report.rounding import THREE, TWO, p_value, with_interval


def test_zero_has_no_minus():
    assert TWO(-0.001) == "0.00"
    assert THREE(-0.0006) == "-0.001"


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (0.0504, "0.0504"),
        (0.05, "0.05"),
        (0.04996, "0.04996"),
        (0.0512, "0.051"),
        (0.0625, "0.062"),
        (1.2e-8, "1.2e-08"),
        (0.0, "< 1e-300"),
    ],
)
def test_a_p_value_is_told_from_the_level_and_is_no_zero(p, said):
    assert p_value(p) == said


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((0.03, 0.01, 0.05), "0.030 [0.010, 0.050]"),
        ((0.03, -0.0004, 0.06), "0.0300 [-0.0004, 0.0600]"),
        ((0.03, 0.0004, 0.06), "0.0300 [0.0004, 0.0600]"),
        ((0.0, 0.0, 0.06), "0.000 [0.000, 0.060]"),
        ((-0.0001, -0.5, 0.5), "0.000 [-0.500, 0.500]"),
        ((0.03, None, None), "0.030"),
    ],
)
def test_whether_an_interval_holds_zero_can_be_read(numbers, said):
    assert with_interval(*numbers) == said
