"""Presets from archives: local files and a web server on this machine; what is refused, and what is left behind."""

import hashlib
import http.server
import io
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from keras_neurovit import InputError, cli, from_preset, load_preset
from keras_neurovit.presets import fetch
from keras_neurovit.presets.archive import unpack
from tests.contracts import run, sample

VOLUME = (1, 24, 28, 24, 1)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An own cache, and no switch of the person who runs the tests."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    for switch in ("KERAS_NEUROVIT_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(switch, raising=False)
    return tmp_path / "home" / "keras_neurovit" / "presets"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, counted; `cut` sends half of one and hangs up."""

    def do_GET(self):
        self.server.asked.append(self.path)
        if not self.path.startswith("/cut"):
            return super().do_GET()
        content = (Path(self.directory) / "preset.zip").read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        if "stall" in self.path:
            self.server.patience.wait(20)
        self.close_connection = True
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def web(tmp_path):
    """A web server of a folder: its address, the folder, and what was asked of it."""
    folder = tmp_path / "www"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *arguments: Handler(*arguments, directory=str(folder))
    ) as server:
        server.asked, server.folder, server.patience = [], folder, threading.Event()
        server.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def packed(preset, folder, suffix="zip", within="") -> Path:
    """An archive of a preset."""
    kind = {"zip": "zip", "tar": "tar", "tar.gz": "gztar", "tar.xz": "xztar"}[suffix]
    root, base = (preset.folder.parent, preset.folder.name) if within else (preset.folder, ".")
    return Path(shutil.make_archive(str(folder / "preset"), kind, root, base))


def digest(file) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


@pytest.mark.parametrize("within", ["", "in a folder"])
@pytest.mark.parametrize("suffix", ["zip", "tar.gz", "tar.xz"])
def test_an_archive_from_the_web_is_fetched_once(small_preset, web, cache, suffix, within, monkeypatch, capsys):
    file = packed(small_preset, web.folder, suffix, within)
    address = f"{web.address}/{file.name}#sha256={digest(file)}"
    np.testing.assert_array_equal(
        run(from_preset(address), sample(VOLUME)), run(from_preset(small_preset), sample(VOLUME))
    )
    assert [entry.name for entry in cache.iterdir()] == [digest(file)]
    assert load_preset(address).labels == ("a", "b")
    monkeypatch.setenv("KERAS_NEUROVIT_OFFLINE", "1")
    assert load_preset(address).folder == cache / digest(file)
    assert len(web.asked) == 1
    assert capsys.readouterr().out == ""  # the progress bar belongs on standard error


def test_a_terminal_takes_an_address(small_preset, web, capsys):
    file = packed(small_preset, web.folder)
    assert cli.main(["verify", f"{web.address}/{file.name}#sha256={digest(file)}"]) == 0
    assert "agrees" in capsys.readouterr().out
    assert cli.main(["verify", f"{web.address}/{file.name}"]) == 1
    assert "#sha256=<64 digits>" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("page", "fragment", "message"),
    [
        ("preset.zip", "", "has no checksum"),
        ("preset.zip", "#sha256=123", "unusable checksum"),
        ("preset.zip", "#sha256=" + 64 * "0", "not the file that was asked for.*expected SHA-256 0000"),
        ("missing.zip", "#sha256=" + 64 * "0", "missing.zip: cannot be downloaded.*404"),
        ("cut.zip", "#sha256=" + 64 * "0", "cut.zip: cannot be downloaded"),
    ],
)
def test_what_cannot_be_downloaded_leaves_nothing(small_preset, web, cache, page, fragment, message):
    packed(small_preset, web.folder)
    with pytest.raises(InputError, match=message):
        fetch(f"{web.address}/{page}{fragment}")
    assert not cache.exists() or list(cache.iterdir()) == []


def test_a_server_that_falls_silent(small_preset, web, cache, monkeypatch):
    packed(small_preset, web.folder)
    monkeypatch.setattr("keras_neurovit.presets.travel.TIMEOUT_S", 0.3)
    with pytest.raises(InputError, match=r"cut-stall\.zip: cannot be downloaded \(timed out"):
        fetch(f"{web.address}/cut-stall.zip#sha256={64 * '0'}")
    web.patience.set()
    assert list(cache.iterdir()) == []


def test_an_unreachable_host_and_an_unknown_kind():
    with pytest.raises(InputError, match="cannot be downloaded"):
        fetch("http://127.0.0.1:9/preset.zip#sha256=" + 64 * "0")
    with pytest.raises(InputError, match=r"one of file, hf, http, https, kaggle.*Did you mean 'https'"):
        fetch("httpss://host/preset.zip")


def test_offline_tells_what_is_there_and_what_is_missing(small_preset, web, monkeypatch):
    file = packed(small_preset, web.folder)
    fetch(f"{web.address}/{file.name}#sha256={digest(file)}")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=rf"is offline.*expected 0000.*1 other archives: {digest(file)[:12]}"):
        fetch(f"{web.address}/{file.name}#sha256={64 * '0'}")
    assert len(web.asked) == 1


def test_a_cache_that_cannot_be_written(small_preset, web, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    file = packed(small_preset, web.folder)
    with pytest.raises(InputError, match=r"the cache cannot be written.*\$KERAS_HOME"):
        fetch(f"{web.address}/{file.name}#sha256={digest(file)}")


def test_a_read_only_cache_is_read(small_preset, web, cache):
    file = packed(small_preset, web.folder)
    address = f"{web.address}/{file.name}#sha256={digest(file)}"
    fetch(address)
    cache.chmod(0o500)
    try:
        if os.access(cache, os.W_OK):
            pytest.skip("this user may write anywhere, as root may")
        assert fetch(address).is_dir()
        with pytest.raises(InputError, match="cannot be written"):
            fetch(f"{web.address}/{file.name}#sha256={64 * '0'}")
    finally:
        cache.chmod(0o700)


def test_a_damaged_cache_is_refused(small_preset, web):
    file = packed(small_preset, web.folder)
    address = f"{web.address}/{file.name}#sha256={digest(file)}"
    weights = fetch(address) / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(InputError, match="is not the file that preset 'small' was published with"):
        from_preset(address)


def test_two_processes_at_once(small_preset, web, cache):
    file = packed(small_preset, web.folder)
    address = f"{web.address}/{file.name}#sha256={digest(file)}"
    code = "import sys; from keras_neurovit.presets import fetch; print(fetch(sys.argv[1]))"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, address], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert out.strip() == str(cache / digest(file))
    assert [entry.name for entry in cache.iterdir()] == [digest(file)]


def test_one_that_is_first_while_another_unpacks(small_preset, web, cache, monkeypatch):
    """The other's folder appears between the download and the renaming."""
    file = packed(small_preset, web.folder)
    address, folder = f"{web.address}/{file.name}#sha256={digest(file)}", cache / digest(file)

    def slow(archive, target):
        unpack(archive, target)
        shutil.copytree(small_preset.folder, folder)

    monkeypatch.setattr("keras_neurovit.presets.travel.unpack", slow)
    assert fetch(address) == folder
    assert [entry.name for entry in cache.iterdir()] == [digest(file)]


def test_what_a_kill_left_is_swept_away_a_day_later(small_preset, web, cache):
    for name, age in ((".old", 2 * 86_400), (".new", 60)):
        (cache / name).mkdir(parents=True)
        os.utime(cache / name, (time.time() - age,) * 2)
    file = packed(small_preset, web.folder)
    fetch(f"{web.address}/{file.name}#sha256={digest(file)}")
    assert sorted(entry.name for entry in cache.iterdir()) == [".new", digest(file)]


def test_a_folder_and_an_archive_on_this_machine(small_preset, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_NEUROVIT_OFFLINE", "1")
    spaced = shutil.copytree(small_preset.folder, tmp_path / "a b")
    assert load_preset(spaced.as_uri()).folder == spaced
    file = packed(small_preset, tmp_path)
    np.testing.assert_array_equal(
        run(from_preset(file.as_uri()), sample(VOLUME)), run(from_preset(small_preset), sample(VOLUME))
    )
    assert load_preset(f"{file.as_uri()}#sha256={digest(file)}").labels == ("a", "b")
    with pytest.raises(InputError, match="is not the expected file"):
        load_preset(f"{file.as_uri()}#sha256={64 * '0'}")
    with pytest.raises(InputError, match="no such file or folder"):
        load_preset((tmp_path / "missing.zip").as_uri())


def zipped(file, members) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, "/etc/passwd")
    return file


def tarred(file, members) -> Path:
    with tarfile.open(file, "w") as archive:
        for name, kind in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, content = kind, "/etc/passwd", b"x" if kind == tarfile.REGTYPE else b""
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil", "C:evil", "C:\\evil"])
@pytest.mark.parametrize("pack", ["zip", "tar"])
def test_no_member_is_written_outside(tmp_path, name, pack):
    file = tmp_path / f"archive.{pack}"
    if pack == "zip":
        zipped(file, [(name, stat.S_IFREG | 0o644)])
    else:
        tarred(file, [(name, tarfile.REGTYPE)])
    with pytest.raises(InputError, match=r"archive\.\w+: member .*evil.* outside of its folder"):
        unpack(file, tmp_path / "deep" / "folder")
    assert not list(tmp_path.rglob("*evil*"))


def test_no_member_is_a_link_or_a_device(tmp_path):
    for index, kind in enumerate((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)):
        file = tarred(tmp_path / f"{index}.tar", [("model.weights.h5", kind)])
        with pytest.raises(InputError, match="link or a device"):
            unpack(file, tmp_path / str(index))
    file = zipped(tmp_path / "link.zip", [("model.weights.h5", stat.S_IFLNK | 0o777)])
    with pytest.raises(InputError, match="link or a device"):
        unpack(file, tmp_path / "link")


def test_archives_of_something_else(tmp_path, small_preset):
    (tmp_path / "text.zip").write_text("no archive at all")
    with pytest.raises(InputError, match="is no archive"):
        unpack(tmp_path / "text.zip", tmp_path / "1")
    with pytest.raises(InputError, match=r"one preset\.json, received 0"):
        unpack(zipped(tmp_path / "other.zip", [("readme", 0)]), tmp_path / "2")
    with pytest.raises(InputError, match="received 2 of them"):
        unpack(zipped(tmp_path / "two.zip", [("a/preset.json", 0), ("b/preset.json", 0)]), tmp_path / "3")
    with pytest.raises(InputError, match="damaged or unusable"):
        unpack(tarred(tmp_path / "twice.tar", 2 * [("preset.json", tarfile.REGTYPE)]), tmp_path / "4")
    file = packed(small_preset, tmp_path, "tar.gz")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(InputError, match="damaged or unusable"):
        unpack(file, tmp_path / "5")


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_damaged_archive_is_told_by_one_kind_of_error(tmp_path, suffix):
    """Bits flipped anywhere, its head above all, and ends cut off: each library has its own kinds of errors."""
    source, random = tmp_path / "preset", np.random.RandomState(0)
    source.mkdir()
    (source / "preset.json").write_text("{}" * 50)
    (source / "model.weights.h5").write_bytes(random.bytes(3000))
    kind = {"zip": "zip", "tar": "tar", "tar.gz": "gztar", "tar.bz2": "bztar", "tar.xz": "xztar"}[suffix]
    file = Path(shutil.make_archive(str(tmp_path / "archive"), kind, source))
    whole, refused = file.read_bytes(), 0
    for turn in range(150):
        content = bytearray(whole)
        if turn % 3 == 0:
            content = content[: random.randint(len(content))]
        else:
            content[random.randint(min(600, len(content)) if turn % 3 == 1 else len(content))] ^= 1 << turn % 8
        file.write_bytes(content)
        try:
            unpack(file, tmp_path / "out" / str(turn))
        except InputError:
            refused += 1
    assert refused > 30
    left = {entry.name for entry in tmp_path.iterdir()}
    assert left - {"out"} == {file.name, "preset"}  # which is there where one archive of all was harmless


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("suffix", ["zip", "tar.gz", "tar.xz"])
def test_a_flipped_byte_in_an_archive(small_preset, tmp_path, suffix, place):
    """Refused, or it was in the card; never another kind of error, and never other weights."""
    file = packed(small_preset, tmp_path, suffix)
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 255
    file.write_bytes(content)
    try:
        model = from_preset(file.as_uri())
    except InputError:
        return
    np.testing.assert_array_equal(run(model, sample(VOLUME)), run(from_preset(small_preset), sample(VOLUME)))
