"""Making tiny archives, for the tests of what reads them."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from idbias.errors import InputError

DATA = Path(os.environ.get("IDBIAS_TEST_DATA", Path(__file__).parents[3] / "shared/data"))
GENERATOR = np.random.default_rng(0)


def pixels(*shape):
    return GENERATOR.integers(0, 256, shape, dtype=np.uint8)


def encoded(image, kind="PNG"):
    """An image (H, W, 3) as a file's bytes."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind)
    return file.getvalue()


def pack(path, files, links=()):
    """Pack name -> bytes into the tar or zip that the suffix says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
            for name in links:
                info = zipfile.ZipInfo(name)
                info.external_attr = 0o120777 << 16
                archive.writestr(info, "/etc/passwd")
        return path
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(member)
    return path


def refused(message, load, *arguments, **options):
    """The loader raises one sentence with `message` in it."""
    with pytest.raises(InputError, match=message) as raised:
        load(*arguments, **options)
    assert "\n" not in str(raised.value)
