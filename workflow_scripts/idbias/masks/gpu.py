"""What only a GPU has: its memory's share, the arithmetic of its units, steps captured as a graph."""

import sys
from contextlib import contextmanager

import torch

from idbias.machine import out_of_memory

WARM_UP = 3  # steps before one is captured: libraries plan and allocate in the first ones


@contextmanager
def arithmetic(dtype):
    """Let GPUs multiply as `dtype` says, with algorithms that are the same each time. On CPUs: nothing.

    dtype: of idbias.config.schema.Masks. "tf32" lets convolutions and matrix products of float32
    round what they multiply to 10 bits of mantissa, on GPUs that can; all others forbid it.
    """
    products, before = torch.backends.cuda.matmul, torch.backends.cuda.matmul.allow_tf32
    tf32 = dtype == "tf32"
    flags = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=tf32
    )
    with flags:
        products.allow_tf32 = tf32
        try:
            yield
        finally:
            products.allow_tf32 = before


def share_of_memory(device):
    """Return the bytes that this job may take of a GPU, half of what is free, and take no more.

    Several jobs on one GPU then leave each other room: torch refuses this one what is beyond its
    share as if the GPU had no more, and the batch is halved.
    """
    free, total = torch.cuda.mem_get_info(device)
    share = free // 2
    taken = torch.cuda.memory_reserved(device)
    torch.cuda.set_per_process_memory_fraction(min(1.0, (taken + share) / total), device)
    return share


def give_back_memory(device):
    """Return memory that torch keeps for later to the GPU, for other jobs."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def captured(step, state, record=None):
    """Return a function that does to the tensors of `state` what `step` does, in one launch.

    step: a fixed sequence of GPU operations that changes tensors of `state` (name -> tensor) in place.
    record: step -> its replay; None: a CUDA graph. Goes some steps forward while it captures, and
    compares the last one with the plain way, bit for bit. Where they differ, or nothing can be captured, it
    says so on stderr and returns `step` itself.
    """
    for _ in range(WARM_UP - 1):
        step()
    before = {name: tensor.clone() for name, tensor in state.items()}
    step()
    wanted = {name: tensor.clone() for name, tensor in state.items()}
    try:
        _put(state, before)
        replay = (record or _cuda_graph)(step)
        _put(state, before)  # what does not record but run must not count
        replay()
        if all(_same(state[name], wanted[name]) for name in state):
            return replay
        reason = "it does not give the same masks"
    except RuntimeError as error:
        if out_of_memory(error):
            _put(state, wanted)
            raise
        reason = str(error).partition("\n")[0]
    print(f"Steps are not captured as a CUDA graph: {reason}.", file=sys.stderr)
    _put(state, wanted)
    return step


def _cuda_graph(step):
    """Return the replay of `step` as a CUDA graph. Once more run plainly, on the graph's kind of stream."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    # Other threads of this process do not use the GPU; the strictest mode would watch them too.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        step()
    return graph.replay


def _put(state, values):
    for name, value in values.items():
        state[name].copy_(value)


def _same(first, second):
    """Whether two tensors are equal, not-a-numbers at the same places included."""
    return bool(((first == second) | ((first != first) & (second != second))).all())
