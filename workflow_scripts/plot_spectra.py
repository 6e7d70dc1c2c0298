"""Figures of one attack on all classifiers of an experiment: spectra, profiles, frequencies."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import figures
    from idbias.report import figures_spectra as drawing
    from idbias.spectra import spectra_tables

    output, seed = snakemake.output, snakemake.params.seed
    title = ", ".join(snakemake.params.names)
    read = spectra_tables.read(snakemake.input.perturbations, snakemake.input.classifiers)
    of = {spectrum["classifier"]: spectrum["perturbation"] for spectrum in read}

    amplitudes = {name: spectrum["amplitude"] for name, spectrum in of.items()}
    figures.write(drawing.spectra(amplitudes), drawing.amplitude_table(amplitudes), *output.spectra)
    size = next(iter(amplitudes.values())).shape[-2:]
    profiles = {name: spectrum["profile"] for name, spectrum in of.items()}
    table = drawing.profile_table(profiles, size, seed)
    models = snakemake.params.models
    figures.write(drawing.profiles(table, models), table, *output.profiles)
    table = spectra_tables.frequencies(read, seed)
    figures.write(drawing.frequencies(table, title, size), table, *output.frequencies)
