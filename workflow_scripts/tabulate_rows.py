"""A table of rows, as CSV, Markdown, LaTeX and HTML, with published rows beside the measured."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import table_rows, tables

    table = table_rows.join(list(snakemake.input.rows), snakemake.input.get("published"))
    tables.write(table, **dict(snakemake.output))
