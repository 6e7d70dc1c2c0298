"""The table of crossed trainings, as CSV, Markdown, LaTeX and HTML."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.crossed.crossed_tables import table
    from idbias.report import tables
    from idbias.report.answers_crossed import answers

    given = snakemake.params
    found = table(given.names, list(snakemake.input.products), given.seeds, given.margins)
    said = answers(found.to_dict("records"))
    tables.write(found, said=said, **dict(snakemake.output))
