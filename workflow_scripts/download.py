"""Fetch one file, with checksum, mirrors and resume."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.datasets.downloads import fetch

    fetch(snakemake.params.urls, snakemake.params.sha256, snakemake.output[0])
