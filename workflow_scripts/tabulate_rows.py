"""A table of rows, as CSV, Markdown, LaTeX and HTML, with published rows beside the measured."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import tables

    table = tables.join(list(snakemake.input.rows), snakemake.input.get("published"))
    tables.write(table, **dict(snakemake.output))
