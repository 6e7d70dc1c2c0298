"""The forms of a table: CSV with all digits, Markdown, LaTeX and HTML for reading."""

import re
from html import escape
from pathlib import Path

from idbias.files import replacing
from idbias.report import latex as tex
from idbias.report.answers import answers, remarks
from idbias.report.table_columns import parts


def write_csv(path, table):
    """Write a DataFrame as CSV with all digits; the file appears only when it is complete."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False)


def write(table, csv, markdown, latex, html, said=None, **details):
    """Write a table of rows: CSV with all digits and columns, and rounded for people in the other three.

    Those begin with what the rows say, in words (`said`, a list of sentences; that of the I_d test if
    None), and show what a row is of and the answer, at most ten columns (table_columns.parts). The other
    columns come below, or in files of their own: details_markdown, details_latex and details_html.
    Remarks on single rows, such as warnings, follow the first columns.
    """
    rows = table.to_dict("records")
    said = answers(rows) if said is None else said
    notes, explained, lead, first, others = parts(table)
    if not rows:
        notes = [*notes, "No rows: nothing of this kind was measured."]
    remarked = remarks(rows)
    write_csv(csv, table)
    paths = (markdown, latex, html)
    if not details or others.empty:
        _write_forms(paths, said, notes + explained, [(first, lead), (others, lead)], remarked)
    else:
        more = f"More columns: {Path(details['details_markdown']).stem}."
        _write_forms(paths, said, [*notes, *explained, more], [(first, lead)], remarked)
    if details:
        shown, notes = (first, notes + explained) if others.empty else (others, notes)
        paths = [details[f"details_{form}"] for form in ("markdown", "latex", "html")]
        _write_forms(paths, [], notes, [(shown, lead)], [])


def _write_forms(paths, said, notes, shown, remarked):
    """Write Markdown, LaTeX and HTML: sentences, notes, tables (with how many columns lead), remarks."""
    markdown, latex_path, html = paths
    tables = [table for table, _ in shown if len(table.columns)]
    listed = [
        "".join(f"- {sentence}\n" for sentence in lines) for lines in (said, remarked) if lines
    ]
    blocks = [
        *listed[: bool(said)],
        *(f"{note}\n" for note in notes),
        *(table.to_markdown(index=False, disable_numparse=True) + "\n" for table in tables),
        *listed[bool(said) :],
    ]
    page = PAGE.format(
        "".join(f"<p>{_html(sentence)}</p>\n" for sentence in said),
        "".join(f'<p class="note">{_html(note)}</p>\n' for note in notes)
        + "".join(
            f'<div class="wide">\n{_html_table(*part)}\n</div>\n'
            for part in shown
            if len(part[0].columns)
        )
        + "".join(f'<p class="note">{_html(remark)}</p>\n' for remark in remarked),
    )
    captions = [note for note in notes if not note.startswith("More columns")]
    forms = {
        markdown: "\n".join(blocks),
        latex_path: tex.document(Path(latex_path).stem, shown, captions),
        html: page,
    }
    for path, text in forms.items():
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _html(text):
    return escape(text).replace(" = ", "&nbsp;=&nbsp;")


def _html_table(table, lead):
    head = "".join(
        _html_cell(name, "th", ["of"] * (place < lead)) for place, name in enumerate(table)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            _html_cell(
                value, "td", ["of"] * (place < lead) + ["long"] * (len(value) > tex.SENTENCE)
            )
            for place, value in enumerate(row)
        )
        + "</tr>\n"
        for row in table.to_numpy()
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>"


def _html_cell(text, tag, kinds):
    # A hyphen in front of a number is a minus.
    text = re.sub(r"(?<![\w-])-(?=\d)", "\u2212", escape(text))
    return f'<{tag} class="{" ".join(kinds)}">{text}</{tag}>' if kinds else f"<{tag}>{text}</{tag}>"


# In the report a table stands in a narrow frame of its own, and that of the first answer on the opening page,
# which takes what is between the tags of body.
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>idbias</title>
</head>
<body>
<div class="idbias">
<style>
.idbias {{ font: 11px/1.5 sans-serif; margin: 6px; color: #111; background: #fff; }}
.idbias p {{ font-size: 13px; margin: 0 0 6px; }}
.idbias p.note {{ font-size: 11px; color: #444; }}
.idbias .wide {{ overflow-x: auto; margin-bottom: 8px; }}
.idbias table {{ border-collapse: collapse; margin: 0; }}
.idbias th {{ border-bottom: 1px solid #333; font-weight: 600; }}
.idbias td {{ border-bottom: 1px solid #ddd; white-space: nowrap; }}
.idbias th, .idbias td {{ padding: 2px 4px; text-align: right; vertical-align: bottom; }}
.idbias .of {{ text-align: left; }}
.idbias .long {{ white-space: normal; min-width: 20em; text-align: left; }}
</style>
{}{}</div>
</body>
</html>
"""
