"""Write one dataset's file: images and labels to train and to test, or the spiral."""

from idbias.stage import stage

with stage(snakemake):
    from idbias import datasets

    settings, sources = dict(snakemake.params.settings), list(snakemake.input.sources)
    datasets.write(snakemake.output[0], settings, snakemake.params.seed, sources)
