"""Write one dataset's file: images and labels to train and to test, or the spiral."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.datasets import writing

    settings, sources = dict(snakemake.params.settings), list(snakemake.input.sources)
    writing.write(
        snakemake.output[0],
        settings,
        snakemake.params.seed,
        sources,
        snakemake.params.published,
    )
