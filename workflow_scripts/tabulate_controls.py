"""Each attack's row, its controls' rows below it, and the contrast of both."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.controls.control_tables import controls
    from idbias.report import tables

    given = snakemake.input
    files = (list(given[name]) for name in ("rows", "controls", "contrasts", "others"))
    table = controls(*files)
    tables.write(table, **dict(snakemake.output))
