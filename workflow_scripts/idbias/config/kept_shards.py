"""Which shards of images are finished, so that more images, or another size of shards, make none of them anew.

A shard is called after its first and last image, and a last one that is not full would be another one once
there are more images. So the end of a run notes what is finished, and the next run cuts only the rest. What a
run of fewer images had no use for stays noted. No image's result depends on the shard it is in.
"""

import json
import re
import sys
from pathlib import Path

from idbias.config import layout
from idbias.config.counts import SHARD
from idbias.errors import InputError
from idbias.whole_files import replacing


def kept(experiment):
    """Return the names of the shards that runs of an experiment, by name, have finished; they may overlap."""
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
    """Note which shards of a config.experiments.Experiment are finished: of its masks, else of its attacks.

    Where that cannot be written, it is said on stderr: the run itself is over.
    """
    stage = "masks" if experiment.analysed("masks") else "attacks"
    folder = Path(layout.KEPT_SHARDS.format(experiment=experiment.name)).parent
    made = {path.stem for path in folder.glob(f"*/{stage}/**/*.h5")}
    try:
        noted = kept(experiment.name)
        # Those that this run had no use for too: a trial of few images must not make them forgotten.
        names = sorted({*noted, *experiment.image_shards} & made)
        if names and names != noted:
            # At once: the next run reads it, and would be refused for half a list.
            with replacing(folder / Path(layout.KEPT_SHARDS).name) as temporary:
                temporary.write_text(json.dumps(names), encoding="utf-8")
    except (InputError, OSError) as error:
        print(f"idbias: which shards are finished could not be noted: {error}", file=sys.stderr)
