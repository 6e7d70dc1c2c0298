"""The report, opened offline in a browser as a reader opens it."""

import base64
import json
import os
import re
from pathlib import Path

import pytest
from browser import Browser, chromium

needs_chromium = pytest.mark.skipif(
    not chromium(), reason="no Chromium here (Debian: apt install chromium)"
)

# Clicks the link of the menu that reads `text`; says whether there is one.
CLICK = """window.press = text => {
    const found = [...document.querySelectorAll("nav a")].find(a => a.innerText.trim() == text);
    if (found) found.click();
    return Boolean(found);
}"""
ROWS = "[...document.querySelectorAll('nav tbody tr')].filter(row => row.querySelector('a'))"


@pytest.fixture(scope="module")
def report(finished, tmp_path_factory):
    """Path of the small demonstration's report, away from everything it was made of."""
    workflow = finished.clone(tmp_path_factory.mktemp("report") / "workflow")
    alone = tmp_path_factory.mktemp("alone") / "report.html"
    workflow.snakemake("--report", "report.html")
    return (workflow.folder / "report.html").rename(alone)


@pytest.fixture(scope="module")
def content(report):
    """What the report holds: (results by path, categories)."""
    text = report.read_text()
    script = '<script id="{0}">\n\\s*var {0} = (.*);\n'
    return [
        json.loads(re.search(script.format(name), text)[1]) for name in ("results", "categories")
    ]


def test_the_report_has_every_figure_with_its_caption_and_labels(content, finished):
    results, categories = content
    drawn = {
        str(path.relative_to(finished.folder)) for path in finished.folder.glob("results/**/*.png")
    }
    figures = {path for path in results if path.endswith(".png")}
    assert figures == drawn
    assert len(drawn) >= 12
    for path in figures:
        for part in ("What is seen", "Published", "What to doubt"):
            assert part in results[path]["caption"], path
        assert "{{" not in results[path]["caption"]
    assert set(categories) == {"Tables", "Cost", "Kernels", "digits", "digits_spectra", "spiral"}
    of_digits = {path for paths in categories["digits"].values() for path in paths}
    assert of_digits == {path for path in figures if path.startswith("results/figures/digits/")}
    labels = results["results/figures/digits/small_cnn/correlations/fmn/images.png"]["labels"]
    assert labels == {
        "figure": "images before and after filtering",
        "dataset": "digits", "classifier": "small_cnn", "attack": "fmn",
    }  # fmt: skip


@needs_chromium
def test_every_figure_and_table_opens_offline_without_an_error(report, content, tmp_path):
    results, categories = content
    seen = set()
    with Browser(tmp_path / "profile") as page:
        for category, parts in categories.items():
            for part in parts:
                page.open(report)
                page.evaluate(CLICK)
                page.wait_for(f"press({json.dumps(category)})")
                if len(parts) > 1:
                    page.wait_for(f"press({json.dumps(part)})")
                page.wait_for(f"{ROWS}.length > 0")
                for number in range(page.evaluate(f"{ROWS}.length")):
                    page.evaluate(f"{ROWS}[{number}].querySelector('a').click()")
                    shown = "document.querySelector('img[src^=\"data:image/png\"], iframe')"
                    page.wait_for(f"{shown} && ({shown}.complete ?? true)")
                    assert page.evaluate(f"{shown}.naturalWidth ?? 1") > 0, (category, part, number)
                    source = page.evaluate(f"{shown}.src")
                    seen.add(source)
                    if folder := os.environ.get("IDBIAS_SCREENSHOTS"):
                        page.screenshot(Path(folder) / f"{category}-{part}-{number}.png")
        for view in ("Workflow", "Statistics", "About"):
            page.open(report)
            page.evaluate(CLICK)
            page.wait_for(f"press({json.dumps(view)})")
        errors, requests = page.errors, page.requests
    assert errors == []
    elsewhere = [url for url in requests if not url.startswith(("data:", "blob:", report.as_uri()))]
    assert elsewhere == []
    expected = {one["data_uri"] for one in results.values() if not one["name"].endswith(".md")}
    assert seen == expected
    for source in seen:
        if source.startswith("data:text/html"):
            assert b"<td>" in base64.b64decode(source.split("base64,")[1])


@needs_chromium
@pytest.mark.parametrize(
    ("width", "height", "phone"), [(1366, 768, False), (390, 844, True)], ids=["laptop", "phone"]
)
def test_the_report_opens_on_the_answer_at_any_width(report, tmp_path, width, height, phone):
    with Browser(tmp_path / "profile") as page:
        page.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=phone,
        )  # fmt: skip
        page.open(report)
        page.wait_for("Boolean(document.querySelector('.idbias p'))")
        page.wait_for("Boolean(document.querySelector('#rulegraph svg, #rulegraph canvas'))")
        text, menu, graph, place = (
            f"document.querySelector('{one}').getBoundingClientRect()"
            for one in (".prose", "nav", "#rulegraph", ".idbias p")
        )
        page.wait_for(f"{place}.left >= 0 && {place}.right <= {width}")
        # Neither menu nor graph takes the answer's place: on a phone both are below it.
        assert page.evaluate(f"{text}.bottom <= {graph}.top")
        assert page.evaluate(
            f"{text}.bottom <= {menu}.top" if phone else f"{menu}.right <= {text}.left"
        )
        assert page.evaluate(f"{text}.width >= {0.9 if phone else 0.6} * {width}")
        said = page.evaluate("document.querySelector('.idbias p').innerText").replace("\xa0", " ")
        assert re.match(r"digits, small_cnn, fmn: .* masks.*Z = -?[\d.]+, I_d .* shuffles", said)
        top, bottom = page.evaluate(f"(({{top, bottom}}) => [top, bottom])({place})")
        assert 0 <= top < bottom <= height / 2
        below = page.evaluate(
            "document.querySelector('.idbias p').compareDocumentPosition("
            "document.querySelector('.idbias table')) & Node.DOCUMENT_POSITION_FOLLOWING"
        )
        assert below


@needs_chromium
def test_the_browser_of_these_tests_notices_what_they_look_for(tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        '<img src="http://example.org/x.png"><script>console.error("x"); missing()</script>'
    )
    with Browser(tmp_path / "profile") as browser:
        browser.open(page)
        browser.wait_for("document.querySelector('img').complete")
        assert browser.evaluate("document.querySelector('img').naturalWidth") == 0
        assert len(browser.errors) >= 2
        assert "http://example.org/x.png" in browser.requests
