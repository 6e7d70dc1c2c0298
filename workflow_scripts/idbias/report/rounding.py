"""Numbers as text, rounded for people. Imports nothing heavy: what the Snakefile prints is written with it."""

import math
import re

# The p-value, after Holm, up to which a row is said to show dependence.
LEVEL = 0.05
# Digits after which a number is left as it is.
MOST = 9


def shown_as(pattern):
    """Return a function that formats a number by `pattern`, without a minus before a zero."""

    def show(value):
        text = pattern.format(value)
        return text.replace("-", "") if not re.search("[1-9]", text) else text

    return show


PERCENT, WHOLE, TWO, THREE = map(shown_as, ("{:.1%}", "{:.0f}", "{:.2f}", "{:.3f}"))


def p_value(p):
    """Return a p-value as text: two digits, or as many as tell it from LEVEL, and no zero, which no p-value is."""
    if p < 1e-300:  # the normal distribution's tail ends below what a double can hold
        return "< 1e-300"
    digits = 2
    while p != LEVEL and float(f"{p:.{digits}g}") == LEVEL and digits < MOST:
        digits += 1
    return f"{p:.{digits}g}"


def with_interval(value, low, high):
    """Return "value [low, high]", of three decimals, or of as many as tell an end that is not 0 from 0.

    Whether an interval has 0 in it is what it is read for. low and high None or NaN: the value alone.
    """
    if any(end is None or math.isnan(end) for end in (low, high)):
        return THREE(value)
    digits = 3
    while any(end and not round(end, digits) for end in (low, high)) and digits < MOST:
        digits += 1
    value, low, high = map(shown_as(f"{{:.{digits}f}}"), (value, low, high))
    return f"{value} [{low}, {high}]"
