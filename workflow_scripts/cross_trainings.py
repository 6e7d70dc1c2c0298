"""Products between trainings' vectors of one attack, of everything that the essential masks are set against."""

from idbias.stage import stage

with stage(snakemake):
    from idbias import files
    from idbias.crossed.measured import SETS, measure

    given = dict(snakemake.input)
    datasets, attributes = measure(
        snakemake.input.essential,
        snakemake.input.attacked,
        {of: given[kind] for of in SETS if (kind := of.replace(" ", "_")) in given},
        snakemake.input.dataset,
        snakemake.params.bands,
    )
    files.write(snakemake.output[0], datasets, {**dict(snakemake.wildcards), **attributes})
