"""The histogram of the shuffled I_d with the observed I_d as a line, and I_d against scale."""

from idbias.stage import stage

with stage(snakemake):
    import pandas as pd

    from idbias import files
    from idbias.correlation.shuffle_files import read_statistics
    from idbias.report import figures

    row = pd.read_csv(snakemake.input.row).iloc[0]
    observed, _ = files.read(snakemake.input.dimensions)
    shuffled = read_statistics(list(snakemake.input.shuffles))["intrinsic_dimension"]
    joined = float(observed.get("joined", float("nan")))
    figure = figures.shuffle_histogram(joined, shuffled, row)
    numbers = pd.DataFrame({"replicate": range(len(shuffled)), "intrinsic_dimension": shuffled})
    figures.write(figure, numbers, *snakemake.output.shuffles)

    sets = ("first", "second", "joined")
    columns = ["parts", *sets, *(f"{name}_std" for name in sets)]
    # Too few pairs have no parts.
    scales = pd.DataFrame({name: observed.get(f"scale/{name}", []) for name in columns})
    scales.insert(0, "points", float(row["pairs"]) / scales["parts"])
    figures.write(figures.scale_curves(scales, row), scales, *snakemake.output.scale)
