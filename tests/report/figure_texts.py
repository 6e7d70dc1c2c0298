"""Where a matplotlib figure's texts lie, and what is wrong with them in print."""

import itertools

from matplotlib.text import Text


def texts_drawn(figure, monkeypatch):
    """The texts that drawing `figure` really draws, each with its box in pixels."""
    drawn, draw = {}, Text.draw

    def noted(self, renderer, *arguments, **values):
        if self.get_visible() and self.get_text().strip():
            drawn[id(self)] = (self, self.get_window_extent(renderer))
        return draw(self, renderer, *arguments, **values)

    monkeypatch.setattr(Text, "draw", noted)
    figure.canvas.draw()
    drawn.clear()
    figure.canvas.draw()
    monkeypatch.undo()
    return list(drawn.values())


def problems(figure, monkeypatch):
    """What is wrong with the texts of `figure`, sentences."""
    found = []
    width, height = figure.bbox.size
    drawn = texts_drawn(figure, monkeypatch)
    for text, box in drawn:
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1:
            found.append(
                f"{text.get_text()!r} is cut: {box.extents.round()} of {width} by {height}"
            )
        if text.get_fontsize() < 6:
            found.append(f"{text.get_text()!r} has {text.get_fontsize()} points")
    for (one, first), (other, second) in itertools.combinations(drawn, 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        along = min(first.y1, second.y1) - max(first.y0, second.y0)
        if across > 1.5 and along > 1.5:
            found.append(f"{one.get_text()!r} overlaps {other.get_text()!r}")
    found += hidden(figure)
    if figure.get_figwidth() > 7.3:
        found.append(f"{figure.get_figwidth()} inches are wider than a page's text")
    return found


def hidden(figure):
    """Which bars and points of lines lie below a legend, sentences."""
    found = []
    for axes in figure.axes:
        if axes.get_legend() is None:
            continue
        box = axes.get_legend().get_window_extent()
        bars = [bar for container in axes.containers for bar in getattr(container, "patches", ())]
        if any(bar.get_height() and bar.get_window_extent().overlaps(box) for bar in bars):
            found.append("the legend lies on bars")
        for line in axes.lines:
            # An axvline's points are given in shares of the axes: its own transform knows.
            points = line.get_transform().transform(line.get_xydata())
            if box.count_contains(points):
                found.append(f"the legend lies on points of {line.get_label()!r}")
    return found
