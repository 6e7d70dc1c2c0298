"""A device that stands in for a GPU: its tensors are real, but do not mix with those of the CPU.

Every operation on the device "standin" is done on the CPU behind it, after a look at where its tensors
lie: one of the CPU beside one of the device is refused, as CUDA does, but for copies and for numbers
without dimensions. Unlike CUDA it refuses index tensors of the CPU too, whose copy would make the host
wait. `crossings` are the operations that brought something to the host since it was cleared; `memory` is
what the device has, and how much of it is taken.
Import this before anything runs backward: torch counts devices once.
"""

import threading
import weakref
from collections import Counter

import torch
from torch.utils import backend_registration
from torch.utils._pytree import tree_flatten, tree_map

NAME = "standin"
crossings = []
memory = {"bytes": float("inf"), "taken": 0, "refusals": 0}
users = Counter()  # of each storage


class AmpModule(backend_registration._DummyBackendModule):
    def get_amp_supported_dtype(self):
        return [torch.bfloat16]

    def get_device_properties(self, device):
        return None


backend_registration._setup_privateuseone_for_python_backend(NAME, AmpModule())
DEVICE = torch.device(NAME, 0)


class Distant(torch.Tensor):
    """A tensor of the stand-in; `near` has its numbers, on the CPU."""

    @staticmethod
    def __new__(cls, near):
        tensor = torch.Tensor._make_wrapper_subclass(
            cls, near.shape, near.stride(), near.storage_offset(), dtype=near.dtype, device=DEVICE
        )
        tensor.near = near
        allocate(tensor)
        return tensor

    def __repr__(self):
        return f"Distant({self.near})"

    def __deepcopy__(self, memo):
        return Distant(self.near.clone())

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return distant(operation, *args, **(kwargs or {}))


def allocate(tensor):
    """Count a tensor's storage as taken while tensors have it; refuse it where there is no more.

    Not in the thread of torch's backward pass, which an exception of a stand-in would crash.
    """
    storage = tensor.near.untyped_storage()
    key, size = storage._cdata, storage.nbytes()
    if not users[key]:
        backward = isinstance(threading.current_thread(), threading._DummyThread)
        if memory["taken"] + size > memory["bytes"] and not backward:
            memory["refusals"] += 1
            raise torch.OutOfMemoryError(f"{NAME} out of memory: {size} bytes more")
        memory["taken"] += size
    users[key] += 1
    weakref.finalize(tensor, free, key, size)


def free(key, size):
    users[key] -= 1
    if not users[key]:
        memory["taken"] -= size


def distant(operation, *args, **kwargs):
    """Do `operation` on the CPU behind the device; refuse tensors of the CPU among its arguments."""
    name = operation._schema.name.removeprefix("aten::")
    tensors = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, torch.Tensor)]
    strangers = [x for x in tensors if not isinstance(x, Distant) and x.ndim]
    copies = name in ("copy_", "_to_copy", "_copy_from")
    if strangers and not copies:
        raise RuntimeError(f"{name}: expected all tensors on {DEVICE}, found one on the CPU")
    if name in ("_local_scalar_dense", "nonzero", "is_nonzero", "equal"):
        crossings.append(name)
    target = kwargs.get("device")
    home = target is not None and torch.device(target).type == "cpu"
    if home or (copies and name == "copy_" and not isinstance(args[0], Distant)):
        crossings.append(name)
    if target is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    kwargs.pop("pin_memory", None)
    behind = {id(x.near): x for x in tensors if isinstance(x, Distant)}
    found = operation(*_near(args), **_near(kwargs))
    if home:
        return found
    return tree_map(lambda x: _far(x, behind), found)


def _far(value, behind):
    """Return a result as the device's; what an operation in place gives back is what it was given."""
    if not isinstance(value, torch.Tensor) or isinstance(value, Distant):
        return value
    if id(value) in behind:
        return behind[id(value)]
    return Distant(value.resolve_conj())  # that it is a conjugate, torch would ask of the outside


def _near(values):
    return tree_map(lambda x: x.near if isinstance(x, Distant) else x, values)


library = torch.library.Library("_", "IMPL")
library.fallback(distant, "PrivateUse1")
