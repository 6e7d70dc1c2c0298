"""Fetch one file, with checksum, mirrors and resume."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.datasets.downloads import fetch
    from idbias.progress import progress

    fetch(snakemake.params.urls, snakemake.params.sha256, snakemake.output[0], progress=progress)
