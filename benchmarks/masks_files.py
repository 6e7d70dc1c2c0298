"""A shard of 224-pixel masks: its job's peak memory, and how its file is best compressed.

    python benchmarks/masks_files.py memory [--images 64]
    python benchmarks/masks_files.py files MASKS.h5 ...     (shards or joined files of trained masks)

memory: ResNet-18 with random weights, random images, three steps, in a process of its own; what a step
holds does not grow with steps (seen: --steps). With freed memory kept, as in jobs, and given back, as glibc
does; by the engine that jobs choose and by torch's. files: the masks of each file written with h5py's
compressors and, where hdf5plugin is installed, Blosc's; bytes, and seconds to write, to read all, and to compute
their squared distances from the file. A file's own masks are repeated up to --masks.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import h5py
import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from idbias import files  # noqa: E402
from idbias.classifiers.networks.by_name import build  # noqa: E402
from idbias.config.schema import Masks  # noqa: E402
from idbias.correlation import distances  # noqa: E402
from idbias.machine import keep_freed_memory  # noqa: E402
from idbias.masks.training import train_masks  # noqa: E402


def shard(images, steps, keep, engine):
    """Train and write the masks of one shard as train_masks.py does; print the peak memory in GiB."""
    if keep:
        keep_freed_memory()
    torch.set_num_threads(2)
    network = build("resnet18", (3, 224, 224), 10).eval()
    random = torch.rand(images, 3, 224, 224), torch.zeros(images, dtype=torch.int64)
    settings = Masks(min_steps=steps, max_steps=steps)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder, "checkpoint")
        result = train_masks(
            network,
            *random,
            settings,
            checkpoint=checkpoint,
            checkpoint_seconds=10,
            compressed=True,
            engine=engine,
        )
        files.write(Path(folder, "masks.h5"), {"mask": result.masks, "steps": result.steps})
    # Not getrusage's, which begins with that of the process that started this one.
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    status = dict(line.split(":", 1) for line in lines)
    print(f"{int(status['VmHWM'].split()[0]) / 2**20:.2f}")


def memory(options):
    command = [sys.executable, __file__, "shard", "--steps", str(options.steps), "--images"]
    for images, engine in product((2, options.images), ("auto", "torch")):
        seconds = []
        for way, flag in (("given back", []), ("kept", ["--keep"])):
            began = time.perf_counter()
            arguments = [*command, str(images), "--engine", engine, *flag]
            peak = subprocess.check_output(arguments, text=True).strip()
            seconds.append(time.perf_counter() - began)
            print(
                f"{images} images of 224 pixels, {options.steps} steps, engine {engine}, freed memory {way}: "
                f"peak of {peak} GiB, {seconds[-1]:.0f} s",
                flush=True,
            )
        print(f"kept is {seconds[0] / seconds[1]:.2f} times as fast, with the start of Python")


def compressors():
    """Return name -> arguments of h5py's create_dataset."""
    found = {
        "none": {},
        "gzip 1, shuffle": {"compression": "gzip", "compression_opts": 1, "shuffle": True},
        "gzip 1": {"compression": "gzip", "compression_opts": 1},
        "gzip 4, shuffle": {"compression": "gzip", "compression_opts": 4, "shuffle": True},
        "lzf, shuffle": {"compression": "lzf", "shuffle": True},
        "lzf": {"compression": "lzf"},
    }
    try:
        import hdf5plugin
    except ImportError:
        print("hdf5plugin is not installed: no Blosc.")
    else:
        found["blosc lz4, shuffle"] = dict(hdf5plugin.Blosc(cname="lz4", clevel=5, shuffle=1))
        found["blosc zstd, shuffle"] = dict(hdf5plugin.Blosc(cname="zstd", clevel=3, shuffle=1))
    return found


def compare(path, options):
    """Print size and times of one file's masks with each compressor."""
    with h5py.File(path) as file:
        masks = file["mask"][()]
    masks = np.resize(masks, (max(options.masks, len(masks)), *masks.shape[1:]))
    print(f"{path}: {masks.shape}, {(masks > 0).mean():.2%} above 0, {masks.nbytes / 1e6:.0f} MB")
    for name, arguments in compressors().items():
        with tempfile.TemporaryDirectory() as folder:
            copy, chunks = Path(folder, "masks.h5"), (1, *masks.shape[1:])
            began = time.process_time()
            with h5py.File(copy, "w") as file:
                file.create_dataset("mask", data=masks, chunks=chunks, fletcher32=True, **arguments)
            wrote = time.process_time() - began
            with h5py.File(copy) as file:
                began = time.process_time()
                assert np.array_equal(file["mask"][()], masks)
                read = time.process_time() - began
                distances.HELD_BYTES = 0  # read again for each band, as files above 2 GiB are
                began = time.process_time()
                distances.squared_distances(file["mask"], "float32")
                compared = time.process_time() - began
            size = copy.stat().st_size
            print(
                f"  {name}: {size / 1e6:.2f} MB ({size / masks.nbytes:.1%}), CPU seconds: written "
                f"{wrote:.2f}, read {read:.2f}, distances {compared:.2f}",
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("memory", "files", "shard"))
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--masks", type=int, default=512)
    parser.add_argument("--engine", choices=("auto", "torch"), default="auto", help="of shard")
    parser.add_argument("--keep", action="store_true", help="of shard: keep freed memory")
    options = parser.parse_args()
    if options.what == "shard":
        shard(options.images, options.steps, options.keep, options.engine)
    elif options.what == "memory":
        memory(options)
    else:
        for path in options.paths:
            compare(path, options)


if __name__ == "__main__":
    main()
