"""Presets from and to hubs: the hubs' own libraries against a hub on this machine."""

import base64
import errno
import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from keras_neurovit import InputError, from_preset, load_preset
from keras_neurovit.presets import fetch, push_to_hub
from keras_neurovit.presets.hubs import FILES
from tests.contracts import run, sample

VOLUME = (1, 24, 28, 24, 1)
FIRST = "1" * 40


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the Hugging Face hub as reading and committing a small repository takes."""

    def do_GET(self, body=True):
        self.server.asked.append(self.path)
        if found := re.fullmatch(r"/api/models/org/name/revision/([^/?]+).*", self.path):
            commit = self.server.names.get(found[1], found[1])
            if commit not in self.server.commits:
                return self.say(404, headers={"X-Error-Code": "RevisionNotFound"})
            files = [{"rfilename": name} for name in self.server.commits[commit]]
            return self.say(200, {"id": "org/name", "sha": commit, "siblings": files, "tags": [], "downloads": 0})
        if found := re.fullmatch(r"/api/models/org/name/tree/([^/?]+).*", self.path):
            files = self.server.commits.get(found[1])
            if files is None:
                return self.say(404, headers={"X-Error-Code": "RevisionNotFound"})
            tree = [
                {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for name, content in files.items()
            ]
            return self.say(200, tree)
        if found := re.fullmatch(r"/org/name/resolve/([^/]+)/(.+)", self.path):
            content = self.server.commits[found[1]][found[2]]
            if self.server.cut and found[2].endswith(".h5") and body:
                return self.say(200, content, {"X-Repo-Commit": found[1]}, cut=True)
            etag = f'"{hashlib.sha256(content).hexdigest()}"'
            return self.say(200, content, {"X-Repo-Commit": found[1], "ETag": etag}, body=body)
        return self.say(404, headers={"X-Error-Code": "RepoNotFound"})

    def do_HEAD(self):
        self.do_GET(body=False)

    def do_POST(self):
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/api/repos/create":
            return self.say(200, {"url": self.home(), "id": "org/name"})
        if self.path == "/api/validate-yaml":
            return self.say(200, {"errors": [], "warnings": []})
        if self.path == "/api/models/org/name/preupload/main":
            files = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(sent)["files"]
            ]
            return self.say(200, {"files": files})
        if self.path.startswith("/api/models/org/name/commit/main"):
            lines = [json.loads(line) for line in sent.splitlines()]
            content = {
                line["value"]["path"]: base64.b64decode(line["value"]["content"])
                for line in lines
                if line["key"] == "file"
            }
            commit = hashlib.sha1(sent).hexdigest()
            self.server.commits[commit] = content
            return self.say(200, {"success": True, "commitOid": commit, "commitUrl": f"{self.home()}/commit/{commit}"})
        return self.say(403, {"error": "forbidden"})

    def say(self, status, content=b"", headers=None, body=True, cut=False):
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = True

    def home(self):
        return f"http://{self.headers['Host']}/org/name"

    def log_message(self, *_):
        pass


def forget(name):
    """Have a library that reads its settings when it is imported read them again."""
    for module in [module for module in sys.modules if module.split(".")[0] == name]:
        del sys.modules[module]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A hub on this machine, and the library pointed at it."""
    pytest.importorskip("huggingface_hub", reason='needs the extra "hub"')
    forget("huggingface_hub")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        server.home = tmp_path_factory.mktemp("hf")
        patch.setenv("HF_HOME", str(server.home))
        for switch in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "HF_TOKEN_PATH"):
            patch.delenv(switch, raising=False)
        patch.setenv("HF_TOKEN", "hf_of_this_test")
        patch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        patch.setenv("HF_HUB_DISABLE_XET", "1")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
    forget("huggingface_hub")


@pytest.fixture
def hub(server, small_preset, monkeypatch):
    """That hub with one repository, and an empty cache."""
    for switch in ("KERAS_NEUROVIT_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(switch, raising=False)
    shutil.rmtree(server.home / "hub", ignore_errors=True)
    server.asked, server.names, server.cut = [], {"main": FIRST, "v1": FIRST}, False
    files = {file.name: file.read_bytes() for file in small_preset.folder.iterdir()}
    server.commits = {FIRST: files | {"evil.pkl": b"pickle", "train.py": b"code"}}
    return server


def test_a_commit_is_fetched_once(hub, small_preset, monkeypatch, capsys):
    address = f"hf://org/name@{FIRST}"
    np.testing.assert_array_equal(
        run(from_preset(address), sample(VOLUME)), run(from_preset(small_preset), sample(VOLUME))
    )
    assert capsys.readouterr().err == ""
    asked = len(hub.asked)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = load_preset(address).folder
    assert len(hub.asked) == asked
    assert sorted(file.name for file in folder.iterdir()) == sorted(file.name for file in small_preset.folder.iterdir())


def test_a_name_that_may_move_is_taken_and_pinned(hub, capsys):
    assert load_preset("hf://org/name@v1").name == "small"
    assert f"pin it: hf://org/name@{FIRST}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("hf://org/name", "has no revision.*org/name@<commit>"),
        ("hf://name@main", "unusable address"),
        ("hf://org/name@nothing", "the hub refuses"),
        ("hf://org/other@main", "the hub refuses"),
        (f"hf://org/na..me@{FIRST}", "the hub refuses"),
    ],
)
def test_what_the_hub_does_not_have(hub, address, message):
    with pytest.raises(InputError, match=message):
        fetch(address)


def test_a_hub_that_does_not_answer(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"does not answer, and the cache has none of it"):
        fetch("hf://org/name@main")


def test_offline_tells_what_is_there_and_what_is_missing(hub, monkeypatch):
    monkeypatch.setenv("KERAS_NEUROVIT_OFFLINE", "1")
    there = re.escape(str(hub.home / "hub"))
    with pytest.raises(
        InputError, match=rf"cache {there}, and .*offline \(expected v1, received nothing of org/name\)"
    ):
        fetch("hf://org/name@v1")
    monkeypatch.delenv("KERAS_NEUROVIT_OFFLINE")
    fetch("hf://org/name@v1")
    monkeypatch.setenv("KERAS_NEUROVIT_OFFLINE", "1")
    with pytest.raises(InputError, match=rf"expected {'2' * 40}, received {FIRST} \(v1\)"):
        fetch(f"hf://org/name@{'2' * 40}")


@pytest.mark.parametrize(
    ("library", "call", "address", "variable"),
    [
        ("huggingface_hub", "snapshot_download", f"hf://org/name@{FIRST}", "HF_HOME"),
        ("kagglehub", "model_download", "kaggle://a/b/c/d/1", "KAGGLEHUB_CACHE"),
    ],
)
@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_cache_that_cannot_be_written(library, call, address, variable, number, monkeypatch):
    """No matter of the connection, which is what other errors are told to be."""
    hub = pytest.importorskip(library)

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number), "/cache/blobs")

    monkeypatch.delenv("KERAS_NEUROVIT_OFFLINE", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(hub, call, refuse)
    with pytest.raises(InputError, match=rf"^/cache/blobs: the cache cannot be written \(.*\)\. .*\${variable}\.$"):
        fetch(address)


def test_a_read_only_cache_is_read(hub):
    address, cache = f"hf://org/name@{FIRST}", hub.home / "hub"
    fetch(address)
    folders = [cache, *(folder for folder in cache.rglob("*") if folder.is_dir())]
    for folder in folders:
        folder.chmod(0o500)
    try:
        if os.access(cache, os.W_OK):
            pytest.skip("this user may write anywhere, as root may")
        assert load_preset(address).name == "small"
        hub.commits["6" * 40] = {k: v + b" " for k, v in hub.commits[FIRST].items()}
        with pytest.raises(InputError, match="cannot be written"):
            fetch(f"hf://org/name@{'6' * 40}")
    finally:
        for folder in folders:
            folder.chmod(0o700)


def test_two_processes_at_once(hub):
    code = "import sys; from keras_neurovit.presets.hubs import fetch_hf; print(fetch_hf(sys.argv[1]))"
    call = [sys.executable, "-c", code, f"hf://org/name@{FIRST}"]
    both = [
        subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
        for _ in range(2)
    ]
    for process in both:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert Path(out.strip()).name == FIRST
    assert from_preset(f"hf://org/name@{FIRST}").output_shape == (None, 2)


def test_a_download_that_breaks_off_leaves_nothing_half_made(hub, monkeypatch):
    hub.cut = True
    address = f"hf://org/name@{FIRST}"
    with pytest.raises(InputError, match="cannot be downloaded"):
        fetch(address)
    monkeypatch.setenv("KERAS_NEUROVIT_OFFLINE", "1")
    with pytest.raises(InputError, match=r"lacks model\.weights\.h5.*Go online|is not in the cache|holds no preset"):
        fetch(address)
    monkeypatch.delenv("KERAS_NEUROVIT_OFFLINE")
    hub.cut = False
    assert load_preset(address).name == "small"


def test_no_preset_and_a_changed_one(hub):
    for commit, name in (("3" * 40, "preset.json"), ("4" * 40, "model.weights.h5")):
        hub.commits[commit] = {k: v for k, v in hub.commits[FIRST].items() if k != name}
        with pytest.raises(InputError, match=f"{name}"):
            fetch(f"hf://org/name@{commit}")
    weights = bytearray(hub.commits[FIRST]["model.weights.h5"])
    weights[-1] ^= 1
    hub.commits["5" * 40] = hub.commits[FIRST] | {"model.weights.h5": bytes(weights)}
    with pytest.raises(InputError, match="is not the file that preset 'small' was published with"):
        from_preset(f"hf://org/name@{'5' * 40}")


def test_up_and_down_again(hub, small_preset, tmp_path, monkeypatch):
    folder = Path(shutil.copytree(small_preset.folder, tmp_path / "mine"))
    with pytest.raises(InputError, match=r"README\.md: still has gaps.*Intended use, Learnt from, Measured, Limits"):
        push_to_hub(folder, "hf://org/name")
    (folder / "README.md").write_text((folder / "README.md").read_text().replace("TO BE WRITTEN", "Written"))
    (folder / "notes.pkl").write_bytes(b"private")
    (folder / ".hidden.json").write_text("{}")
    address = push_to_hub(folder, "hf://org/name")
    commit = address.removeprefix("hf://org/name@")
    assert set(hub.commits[commit]) == {file.name for file in folder.iterdir()} - {"notes.pkl", ".hidden.json"}
    np.testing.assert_array_equal(
        run(from_preset(address), sample(VOLUME)), run(from_preset(small_preset), sample(VOLUME))
    )
    with pytest.raises(InputError, match="cannot be uploaded"):
        push_to_hub(folder, "hf://org/other")


def test_only_whole_presets_go_up(small_preset, tmp_path):
    folder = Path(shutil.copytree(small_preset.folder, tmp_path / "mine"))
    with pytest.raises(InputError, match="unusable address"):
        push_to_hub(folder, "kaggle://org/name")
    (folder / "README.md").unlink()
    with pytest.raises(InputError, match="there is no model card"):
        push_to_hub(folder, "org/name")
    (folder / "model.weights.h5").write_bytes(b"other")
    with pytest.raises(InputError, match="is not the file"):
        push_to_hub(folder, "org/name")


def test_no_file_that_could_hold_a_pickle_is_fetched():
    assert not [pattern for pattern in FILES if not pattern.endswith((".json", ".h5", ".npz", ".md", "SHA256SUMS"))]


@pytest.fixture
def kaggle(small_preset, tmp_path, monkeypatch):
    """kagglehub's cache with one version of a preset, marked as its library marks what is complete."""
    library = pytest.importorskip("kagglehub", reason='needs the extra "kaggle"')
    from kagglehub.cache import Cache
    from kagglehub.handle import parse_model_handle

    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))
    monkeypatch.setenv("KAGGLE_API_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("KAGGLE_USERNAME", "nobody")
    monkeypatch.setenv("KAGGLE_KEY", "none")
    for switch in ("KERAS_NEUROVIT_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(switch, raising=False)
    handle = parse_model_handle("org/brain/keras/small/2")
    shutil.copytree(small_preset.folder, Cache().get_path(handle))
    Cache().mark_as_complete(handle)
    return library


@pytest.mark.parametrize("switch", ["0", "1"])
def test_a_version_from_kaggle(kaggle, small_preset, monkeypatch, switch):
    monkeypatch.setenv("KERAS_NEUROVIT_OFFLINE", switch)
    np.testing.assert_array_equal(
        run(from_preset("kaggle://org/brain/keras/small/2"), sample(VOLUME)),
        run(from_preset(small_preset), sample(VOLUME)),
    )


def test_what_kaggle_does_not_have(kaggle, monkeypatch):
    with pytest.raises(InputError, match=r"kaggle://org/brain/keras/small/3: cannot be downloaded"):
        fetch("kaggle://org/brain/keras/small/3")
    with pytest.raises(InputError, match="with a version"):
        fetch("kaggle://org/brain/keras/small")
    monkeypatch.setenv("KERAS_NEUROVIT_OFFLINE", "1")
    with pytest.raises(InputError, match=r"is offline \(expected 3, received versions 2\)"):
        fetch("kaggle://org/brain/keras/small/3")
    with pytest.raises(InputError, match="received nothing of it"):
        fetch("kaggle://org/brain/keras/large/3")


@pytest.mark.parametrize(
    ("address", "name", "extra"),
    [(f"hf://org/name@{FIRST}", "huggingface_hub", "hub"), ("kaggle://a/b/c/d/1", "kagglehub", "kaggle")],
)
def test_a_library_that_is_not_installed(address, name, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delenv("KERAS_NEUROVIT_OFFLINE", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with pytest.raises(InputError, match=rf"needs {name}, which is not installed.*keras-neurovit\[{extra}\]"):
        fetch(address)
