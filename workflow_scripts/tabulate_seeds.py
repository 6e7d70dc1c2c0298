"""Mean and spread over the seeds that a classifier is trained from."""

from idbias.stage import stage

with stage(snakemake):
    import pandas as pd

    from idbias.controls.control_tables import over_seeds
    from idbias.report import table_rows, tables

    controlled = [pd.read_csv(path) for path in snakemake.input.controls]
    table = over_seeds(table_rows.join(list(snakemake.input.rows)), *controlled)
    tables.write(table, **dict(snakemake.output))
