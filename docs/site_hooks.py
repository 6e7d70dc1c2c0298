"""What the site (mkdocs.yml) needs beyond the pages: README as its first page, files of the project that pages
link to, and formulas as MathML, which browsers draw without a script.
"""

import html
import re
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
# Pages of the site that lie elsewhere in the project.
ELSEWHERE = {
    "index.md": "README.md",
    "measurements.md": "benchmarks/RESULTS.md",
    "drills.md": "tests/slurm/README.md",
}
LINK = re.compile(r"(?<=\]\()([^)\s#]+)(#[^)\s]*)?(?=\))")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def source(page):
    """Return the path of a page within the project."""
    return Path(ELSEWHERE.get(page, f"docs/{page}"))


def in_site(path):
    """Return the address in the site of a file of the project, a path relative to its root."""
    for page, elsewhere in ELSEWHERE.items():
        if path == elsewhere:
            return page
    return path.removeprefix("docs/") if path.startswith("docs/") else f"source/{path}"


def linked(page, markdown):
    """Yield (link, path within the project) for each relative link of a page to an existing file."""
    for match in LINK.finditer(markdown):
        if "://" not in match[1]:
            path = (ROOT / source(page)).parent.joinpath(match[1]).resolve()
            if path.is_file() and path.is_relative_to(ROOT):
                yield match[1], str(path.relative_to(ROOT))


def on_files(files, config):
    """Add the pages that lie elsewhere, and each file outside docs/ that a page links to."""
    for page, path in ELSEWHERE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    for file in list(files.documentation_pages()):
        for _, path in linked(file.src_uri, (ROOT / source(file.src_uri)).read_text("utf-8")):
            address = in_site(path)
            if files.get_file_from_path(address) is None:
                files.append(File.generated(config, address, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Point links to files of the project to where they are in the site."""
    here = dict(linked(page.file.src_uri, markdown))

    def moved(match):
        path = here.get(match[1])
        return (in_site(path) if path else match[1]) + (match[2] or "")

    return LINK.sub(moved, markdown)


def on_page_content(content, page, config, files):
    """Turn formulas into MathML."""

    def formula(match):
        display = "inline" if match[1] == "span" else "block"
        return convert(html.unescape(match[2]).strip(), display=display)

    return FORMULA.sub(formula, content)
