"""Pair the amplitudes of clean images with the adversarial masks of an attack."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.controls.spectrum import write_spectrum_pairs

    write_spectrum_pairs(
        snakemake.output[0],
        snakemake.input.pairs,
        snakemake.input.dataset,
        {**dict(snakemake.wildcards), "control": "spectrum"},
    )
