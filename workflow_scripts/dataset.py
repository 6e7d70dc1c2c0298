"""Write one dataset's file: images and labels to train and to test, or the two sets of the spiral."""

from idbias.stage import stage

with stage(snakemake):
    from idbias import datasets

    datasets.write(snakemake.output[0], dict(snakemake.params.settings), snakemake.params.seed)
