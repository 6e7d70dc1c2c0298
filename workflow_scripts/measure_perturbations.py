"""Where the perturbations of one attack, and the masks if there are some, have their energy."""

from idbias.stage import stage

with stage(snakemake):
    from idbias import files
    from idbias.spectra import measured_spectra

    measured = {
        "perturbation": measured_spectra.of_perturbations(
            snakemake.input.dataset, snakemake.input.attack
        )
    }
    for kind in ("essential", "adversarial"):
        if snakemake.input.get(kind):
            measured[kind] = measured_spectra.of_masks(snakemake.input[kind])
    files.write(
        snakemake.output[0],
        {
            f"{of}/{name}": array
            for of, arrays in measured.items()
            for name, array in arrays.items()
        },
        {**dict(snakemake.wildcards), "radii": measured_spectra.RADII},
    )
