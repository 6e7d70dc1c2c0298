"""Fetching files with checksum, mirrors, retries and resume, from the network or from a disk."""

import os
import re
import shutil
import time
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pooch
import requests
import urllib3

from idbias.errors import InputError

MIRROR = "IDBIAS_MIRROR"  # environment: a folder or URL prefix, looked at first by file name
TIMEOUT = 30  # seconds without a byte
CHUNK = 1 << 20


def _files(mirrors, checksums):
    return [([m + name for m in mirrors], sha256) for name, sha256 in checksums.items()]


_CIFAR = ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/")
_IMAGENETTE = ("https://s3.amazonaws.com/fast-ai-imageclas/",)

# dataset -> its files, each (urls, sha256). The checksums are those of TensorFlow Datasets, which
# agree with torchvision's MD5 sums for the same files.
KNOWN = {
    "cifar10": _files(
        _CIFAR,
        {"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
    ),
    "cifar100": _files(
        _CIFAR,
        {"cifar-100-binary.tar.gz": "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"},
    ),
    "mnist": _files(
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        {
            "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        },
    ),
    "fashion_mnist": _files(
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        {
            "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        },
    ),
    "svhn": _files(
        ("http://ufldl.stanford.edu/housenumbers/",),
        {
            "train_32x32.mat": "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
            "test_32x32.mat": "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
        },
    ),
    "imagenette": _files(
        _IMAGENETTE,
        {"imagenette2.tgz": "6cbfac238434d89fe99e651496f0812ebc7a10fa62bd42d6874042bf01de4efd"},
    ),
    "imagenette320": _files(
        _IMAGENETTE,
        {"imagenette2-320.tgz": "569b4497c98db6dd29f335d1f109cf315fe127053cedf69010d047f0188e158c"},
    ),
    "imagenette160": _files(
        _IMAGENETTE,
        {"imagenette2-160.tgz": "64d0c4859f35a461889e0147755a999a48b49bf38a7e0f9bd27003f10db02fe5"},
    ),
}  # fmt: skip


def fetch(urls, sha256, path, progress=None, attempts=4, pause=1.0):
    """Bring a file to `path` and return it; a file already there with that checksum is kept.

    urls: one or several sources of the same file, tried in turn: http(s):// or file:// URLs, or
        local paths. If the environment has IDBIAS_MIRROR, a folder or URL prefix, the file of the
        same name there is tried first.
    sha256: hex digits, or None to accept any content.
    progress: called like idbias.progress.progress, counts megabytes; None is silent.
    attempts, pause: tries for each URL, and seconds before the second, doubled at each further.
    What an interrupted download got stays in a hidden folder beside `path` and is gone on from
    where the server allows (only with a checksum, which alone can tell whether the parts fit).
    Raises InputError with every source's reason if none gives the file; `path` is then as it was.
    """
    path = Path(path)
    urls = [urls] if isinstance(urls, str | Path) else list(urls)
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise InputError(f"A SHA-256 checksum has 64 hex digits, not {sha256!r} (for {path.name}).")
    if path.is_file() and (sha256 is None or file_sha256(path) == sha256.lower()):
        return path
    parts = path.with_name(f".{path.name}.part")
    parts.mkdir(parents=True, exist_ok=True)
    failures = []
    # pooch announces each download on its own logger; here the progress bar does.
    pooch.get_logger().setLevel("WARNING")
    try:
        for url in sources(urls):
            for attempt in range(attempts):
                resuming = (parts / "part").exists()
                try:
                    found = pooch.retrieve(
                        url,
                        known_hash=sha256 and f"sha256:{sha256.lower()}",
                        fname="whole",
                        path=parts,
                        downloader=partial(download, parts=parts, sha256=sha256, progress=progress),
                    )
                except Exception as error:
                    # Parts of different versions may have been joined: then all of it anew.
                    if attempt + 1 < attempts and (resuming or worth_another_try(error)):
                        time.sleep(pause * 2**attempt)
                        continue
                    failures.append(f"{url}: {reason(error)}")
                    break
                with open(found, "rb") as file:
                    os.fsync(file.fileno())
                os.replace(found, path)
                return path
    finally:
        tidy(parts)
    raise InputError(
        f"{path.name} could not be had ({'; '.join(failures)}); try again later, or put the file "
        f"into a folder and set {MIRROR} to that folder, or name the file in the configuration."
    )


def sources(urls):
    """Return where to look: the same names on the mirror of the environment, then `urls`."""
    mirror = os.environ.get(MIRROR, "")
    mirrored = []
    for url in urls if mirror else []:
        name = unquote(urlsplit(str(url)).path).rsplit("/", 1)[-1]
        candidate = f"{mirror.rstrip('/')}/{name}"
        if "://" in candidate or Path(candidate).is_file():
            mirrored.append(candidate)
    return list(dict.fromkeys([*mirrored, *map(str, urls)]))


def download(url, output_file, pooch, *, parts, sha256, progress):
    """Copy or download `url` to `output_file`, going on from what lies in the folder `parts`."""
    scheme = urlsplit(url).scheme
    if scheme not in ("http", "https"):
        local = unquote(urlsplit(url).path) if scheme == "file" else url
        shutil.copyfile(local, output_file)
        return
    part = parts / "part"
    if sha256 is None:
        part.unlink(missing_ok=True)
    start = part.stat().st_size if part.exists() else 0
    # A server that unpacks or packs on the way would change the checksum.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416:
            part.unlink()
            raise requests.ConnectionError(
                "the server has less than an earlier part; starting anew"
            )
        response.raise_for_status()
        resumed = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        start = start if response.status_code == 206 and resumed else 0
        length = int(response.headers.get("Content-Length") or 0)
        bar = counting(progress, start, length, url)
        with open(part, "ab" if start else "wb") as file:
            for chunk in response.raw.stream(CHUNK, decode_content=False):
                file.write(chunk)
                if bar is not None:
                    bar.update(file.tell() // 10**6 - bar.n)
        if bar is not None:
            bar.close()
    os.replace(part, output_file)


def counting(progress, start, length, url):
    """Return a progress bar in megabytes, or None."""
    if progress is None:
        return None
    total = (start + length) // 10**6 if length else None
    name = urlsplit(url).path.rsplit("/", 1)[-1]
    return progress(total=total, initial=start // 10**6, unit="MB", label=name)


def worth_another_try(error):
    """Tell whether a failure may pass: a broken connection, a busy server, parts that do not fit."""
    if isinstance(error, requests.HTTPError):
        status = error.response.status_code
        return status >= 500 or status in (408, 429)
    return isinstance(
        error, requests.ConnectionError | requests.Timeout | urllib3.exceptions.HTTPError
    )


def reason(error):
    """Return why a source failed, without the address, in a few words."""
    if isinstance(error, requests.HTTPError):
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, ValueError) and "does not match the known hash" in str(error):
        digests = re.findall("[0-9a-f]{64}", str(error))
        return f"wrong SHA-256, {digests[-1]} instead of {digests[0]}"
    if isinstance(error, requests.Timeout):
        return f"no answer for {TIMEOUT} seconds"
    if isinstance(error, requests.ConnectionError | urllib3.exceptions.HTTPError):
        return "the connection failed or broke off"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def tidy(parts):
    """Leave in the folder `parts` at most a download's beginning, and no folder without one."""
    for file in parts.iterdir():
        if file.name != "part":
            file.unlink()
    if not any(parts.iterdir()):
        parts.rmdir()


def check_sha256(path, sha256):
    """Raise InputError if the file does not exist or its checksum is not `sha256` (None: any)."""
    if not Path(path).is_file():
        raise InputError(f"{path} does not exist; give the path of an existing file.")
    if sha256 is not None and (found := file_sha256(path)) != sha256.lower():
        raise InputError(
            f"{path} has the SHA-256 {found}, but {sha256} is expected: it is damaged or another "
            "version; get the file again, or correct the checksum."
        )


def file_sha256(path):
    """Return the SHA-256 of a file as hex digits."""
    return pooch.file_hash(str(path), alg="sha256")
