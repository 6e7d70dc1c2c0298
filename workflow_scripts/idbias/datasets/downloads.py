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

from idbias.errors import InputError, first_line
from idbias.progress import progress
from idbias.provenance import file_sha256

MIRROR = "IDBIAS_MIRROR"  # environment: a folder or URL prefix, looked at first by file name
TIMEOUT = 30  # seconds without a byte
CHUNK = 1 << 20


def fetch(urls, sha256, path, attempts=4, pause=1.0):
    """Bring a file to `path` and return it; a file already there with that checksum is kept.

    urls: one or several sources of the same file, tried in turn: http(s):// or file:// URLs, or
        local paths. If the environment has IDBIAS_MIRROR, a folder or URL prefix, the file of the
        same name there is tried first.
    sha256: hex digits, or None to accept any content.
    attempts, pause: tries for each URL, and seconds before the second, doubled at each further.
    What an interrupted download got stays in a hidden folder beside `path` and is gone on from
    where the server allows (only with a checksum: nothing else can tell whether the parts fit).
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
                    whole = pooch.retrieve(
                        url,
                        known_hash=sha256 and f"sha256:{sha256.lower()}",
                        fname="whole",
                        path=parts,
                        downloader=partial(download, parts=parts, sha256=sha256),
                    )
                except Exception as error:
                    # Parts of different versions may have been joined: then all of it anew.
                    if attempt + 1 < attempts and (resuming or worth_another_try(error)):
                        time.sleep(pause * 2**attempt)
                        continue
                    failures.append(f"{url}: {reason(error)}")
                    break
                with open(whole, "rb") as file:
                    os.fsync(file.fileno())
                os.replace(whole, path)
                return path
    finally:
        tidy(parts)
    raise InputError(
        f"{path.name} could not be downloaded ({'; '.join(failures)}); try again later, or put the file "
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


def download(url, output_file, pooch, *, parts, sha256):
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
        megabytes = {
            "total": (start + length) // 10**6 if length else None,
            "initial": start // 10**6,
            "label": urlsplit(url).path.rsplit("/", 1)[-1],
        }
        with progress(unit="MB", **megabytes) as bar, open(part, "ab" if start else "wb") as file:
            for chunk in response.raw.stream(CHUNK, decode_content=False):
                file.write(chunk)
                bar.update(file.tell() // 10**6 - bar.n)
    os.replace(part, output_file)


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
    return first_line(error)


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
    if sha256 is not None and (checksum := file_sha256(path)) != sha256.lower():
        raise InputError(
            f"{path} has the SHA-256 {checksum}, but {sha256} is expected: it is damaged or another "
            "version; get the file again, or correct the checksum."
        )
