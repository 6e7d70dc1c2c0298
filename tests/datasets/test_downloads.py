"""Files arrive whole and checked, from servers that fail in several ways, or not at all."""

import hashlib
import inspect
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from idbias.datasets import downloads
from idbias.datasets.downloads import check_sha256, fetch
from idbias.datasets.published import PUBLISHED
from idbias.datasets.writing import MODULES
from idbias.errors import InputError

CONTENT = os.urandom(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT under any name; the name says how it fails, `log` what was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.log = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        name, wanted = self.path.strip("/"), self.headers.get("Range")
        times = sum(name == earlier for earlier, _ in self.server.log)
        self.server.log.append((name, wanted))
        if name == "missing.bin":
            return self.send_error(404)
        if name == "busy.bin" and times == 0:
            return self.send_error(503)
        body = b"another version" * 200_000 if name == "stale.bin" else CONTENT
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if name == "plain.bin":
            start = 0
        if start > len(body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        breaks = (name in ("breaking.bin", "plain.bin") and times == 0) or name == "broken.bin"
        self.wfile.write(body[start : start + 1_500_000] if breaks else body[start:])
        return None


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _no_mirror(monkeypatch):
    monkeypatch.delenv("IDBIAS_MIRROR", raising=False)


def get(*urls, sha256=SHA256, path, **options):
    return fetch(list(urls), sha256, path, pause=0.001, **options)


def test_a_file_is_fetched_once_and_counted(server, tmp_path, monkeypatch):
    counts = []

    class Bar:
        n = 0

        def __init__(self, **settings):
            counts.append(settings)

        def update(self, more):
            self.n += more
            counts.append(self.n)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            counts.append("closed")

    monkeypatch.setattr(downloads, "progress", Bar)
    path = tmp_path / "raw" / "data.bin"
    assert get(f"{server.url}/data.bin", path=path) == path
    assert path.read_bytes() == CONTENT
    assert counts[0] == {"total": 3, "initial": 0, "unit": "MB", "label": "data.bin"}
    assert counts[-2:] == [3, "closed"]
    get(f"{server.url}/data.bin", path=path)
    assert len(server.log) == 1
    path.write_bytes(b"damaged")
    get(f"{server.url}/data.bin", path=path)
    assert path.read_bytes() == CONTENT
    assert os.listdir(path.parent) == ["data.bin"]


@pytest.mark.parametrize(
    ("name", "ranges"),
    [
        ("busy.bin", [None, None]),
        ("breaking.bin", [None, "bytes=1500000-"]),  # resumes
        ("plain.bin", [None, "bytes=1500000-"]),  # the server knows no ranges: starts anew
    ],
)
def test_failures_that_pass_are_tried_again(server, tmp_path, name, ranges):
    get(f"{server.url}/{name}", path=tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert [wanted for _, wanted in server.log] == ranges
    assert os.listdir(tmp_path) == ["x"]


def test_a_download_goes_on_after_the_process_died(server, tmp_path):
    path = tmp_path / "x"
    with pytest.raises(InputError, match="the connection failed or broke off"):
        get(f"{server.url}/broken.bin", path=path, attempts=1)
    assert not path.exists()
    get(f"{server.url}/data.bin", path=path)
    assert path.read_bytes() == CONTENT
    assert server.log[-1] == ("data.bin", "bytes=1500000-")
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("left", [b"of another version", CONTENT + b"more than there is"])
def test_a_part_that_does_not_fit_is_thrown_away(server, tmp_path, left):
    (tmp_path / ".x.part").mkdir()
    (tmp_path / ".x.part" / "part").write_bytes(left)
    get(f"{server.url}/data.bin", path=tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["x"]


def test_mirrors_are_tried_in_turn(server, tmp_path):
    urls = [f"{server.url}/{name}" for name in ("missing.bin", "stale.bin", "data.bin")]
    get("http://127.0.0.1:9/nobody", *urls, path=tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert [name for name, _ in server.log] == ["missing.bin", "stale.bin", "data.bin"]


def test_when_all_fail_each_reason_is_given_and_nothing_is_left(server, tmp_path):
    urls = [f"{server.url}/missing.bin", f"{server.url}/stale.bin", str(tmp_path / "none.bin")]
    with pytest.raises(InputError) as raised:
        get(*urls, path=tmp_path / "x")
    message = str(raised.value)
    stale = hashlib.sha256(b"another version" * 200_000).hexdigest()
    assert message.startswith(
        f"x could not be downloaded ({server.url}/missing.bin: the server answers 404 Not Found; "
        f"{server.url}/stale.bin: wrong SHA-256, {stale} instead of {SHA256}; "
        f"{tmp_path}/none.bin: there is no such file); try again later"
    )
    assert "\n" not in message
    assert os.listdir(tmp_path) == []


def test_files_of_ones_own_come_by_path_or_url(tmp_path):
    source = tmp_path / "my data.bin"
    source.write_bytes(CONTENT)
    for number, url in enumerate([source, source.as_uri(), str(source)]):
        path = fetch(url, SHA256, tmp_path / f"{number}")
        assert path.read_bytes() == CONTENT
    assert source.exists()
    assert fetch(source, None, tmp_path / "unchecked").read_bytes() == CONTENT


def test_the_mirror_of_the_environment_comes_first(server, tmp_path, monkeypatch):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    monkeypatch.setenv("IDBIAS_MIRROR", str(mirror))
    get(f"{server.url}/data.bin", path=tmp_path / "1")
    assert len(server.log) == 1, "a mirror without the file is passed over"
    (mirror / "data.bin").write_bytes(CONTENT)
    get("http://127.0.0.1:9/data.bin?download=1", path=tmp_path / "2")
    assert (tmp_path / "2").read_bytes() == CONTENT
    (mirror / "data.bin").write_bytes(b"damaged")
    get(f"{server.url}/data.bin", path=tmp_path / "3")
    assert len(server.log) == 2, "a damaged file on the mirror is passed over"
    monkeypatch.setenv("IDBIAS_MIRROR", f"{server.url}/")
    get("http://127.0.0.1:9/data.bin", path=tmp_path / "4")
    assert len(server.log) == 3


def test_checksums_are_checked(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(CONTENT)
    check_sha256(path, SHA256.upper())
    with pytest.raises(InputError, match=f"{path} has the SHA-256 {SHA256}, but {'0' * 64}"):
        check_sha256(path, "0" * 64)
    with pytest.raises(InputError, match="64 hex digits, not 'md5:1'"):
        fetch("http://127.0.0.1:9/x", "md5:1", path)


def test_every_known_file_has_sources_and_a_checksum():
    files = [(name, *file) for one in PUBLISHED.values() for name, file in one.files.items()]
    for name, urls, sha256 in files:
        assert len(sha256) == 64, name
        assert int(sha256, 16), name
        assert {url.rsplit("/", 1)[-1] for url in urls} == {name}
    assert len({sha256 for *_, sha256 in files}) == 15


def test_every_published_dataset_has_a_reader_that_takes_its_options():
    for name, published in PUBLISHED.items():
        module, function = published.reader.split(".")
        taken = list(inspect.signature(getattr(MODULES[module], function)).parameters)
        assert set(published.options) <= set(taken), name
        assert ("path" in taken) == (name != "digits")
