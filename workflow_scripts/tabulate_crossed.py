"""The table of crossed trainings, as CSV, Markdown, LaTeX and HTML."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.crossed.crossed_tables import table
    from idbias.report import tables
    from idbias.report.answers_crossed import answers

    given = snakemake.params
    rows = table(given.names, list(snakemake.input.products), given.seeds, given.margins)
    said = answers(rows.to_dict("records"))
    tables.write(rows, said=said, **dict(snakemake.output))
