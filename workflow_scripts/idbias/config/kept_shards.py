"""Which shards of images are finished, so that more images, or another size of shards, make none of them anew.

A shard is called after its first and last image, and a last one that is not full would be another one once
there are more images. So the end of a run notes what is finished, and the next run cuts only the rest. No
image's result depends on the shard it is in.
"""

import json
import os
import re
from pathlib import Path

from idbias.config import layout
from idbias.config.counts import SHARD
from idbias.errors import InputError


def kept(experiment):
    """Return the names of the shards that the last run of an experiment, by name, had finished."""
    path = Path(layout.KEPT_SHARDS.format(experiment=experiment))
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(re.fullmatch(SHARD, str(name)) for name in names):
        raise InputError(f"{path} is no list of shards; delete it, no result is lost by that.")
    return names


def keep(experiment):
    """Note which shards of a config.experiments.Experiment are finished: of its masks, else of its attacks."""
    stage = "masks" if experiment.analysed("masks") else "attacks"
    folder = Path(layout.KEPT_SHARDS.format(experiment=experiment.name)).parent
    made = {path.stem for path in folder.glob(f"*/{stage}/**/*.h5")}
    names = [name for name in experiment.image_shards if name in made]
    if names and names != kept(experiment.name):
        path = folder / Path(layout.KEPT_SHARDS).name
        # At once: the next run reads it, and would be refused for half a list.
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(names), encoding="utf-8")
        temporary.replace(path)
