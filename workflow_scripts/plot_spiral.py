"""Figures of two scalar sets: as they are and shuffled, and their joint densities."""

from idbias.stage import stage

with stage(snakemake):
    import pandas as pd

    from idbias import files
    from idbias.correlation.dependence import shuffle
    from idbias.report import figures, figures_spiral

    row = pd.read_csv(snakemake.input.row).iloc[0]
    sets, _ = files.read(snakemake.input.pairs, ["first", "second"])
    x, y = sets["first"].ravel(), sets["second"].ravel()
    # Replicate 0 of the test itself.
    points = pd.DataFrame(
        {"x": x, "y": y, "y_shuffled": y[shuffle(len(y), snakemake.params.seed, 0)]}
    )
    figures.write(figures_spiral.scatter(points, row), points, *snakemake.output.spiral)
    density = figures_spiral.densities(points)
    figures.write(figures_spiral.joint(density, points), density, *snakemake.output.joint)
