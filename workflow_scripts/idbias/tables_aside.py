"""Tables of another configuration do not lie among those of this one."""

import re
from pathlib import Path

TABLES = Path("results/tables")
# Tables of the papers, which are asked for by name and whatever else is chosen stay.
OF_PAPERS = re.compile(r"table\d|accuracies")


def put_aside(wanted, folder=TABLES):
    """Move tables in `folder` that are not `wanted` (paths), nor of a paper, to its folder earlier/.

    They were made with another configuration. One that is asked for again is made again, in a second.
    Returns the names of what was moved.
    """
    names = {Path(path).stem for path in wanted}
    moved = []
    for file in sorted(folder.glob("*.*")):
        name = file.stem.removesuffix("_details")
        if file.is_file() and name not in names and not OF_PAPERS.fullmatch(name):
            (folder / "earlier").mkdir(exist_ok=True)
            file.replace(folder / "earlier" / file.name)
            moved.append(file.name)
    if moved:
        print(
            f"Tables of another configuration now lie in {folder / 'earlier'}: {', '.join(moved)}"
        )
    return moved
