"""The attack's distance correlation minus a control's, with an interval, on the images that both have."""

from idbias.stage import stage

with stage(snakemake):
    import pandas as pd

    from idbias import files
    from idbias.controls.contrast import contrast, of_same_images, read_distances
    from idbias.report.tables import write_csv

    given, seed = snakemake.input, snakemake.params.seed
    index = [files.read(path, ["index"])[0]["index"] for path in (given.pairs, given.control_pairs)]
    attack, control = of_same_images(*index, seed)
    numbers = contrast(
        [read_distances(path, attack) for path in (given.first, given.second)],
        [read_distances(path, control) for path in (given.control_first, given.control_second)],
    )
    write_csv(snakemake.output[0], pd.DataFrame([{**snakemake.params.names, **numbers}]))
