"""Both pages as a browser sees them: nothing asked from anywhere, no complaint, slices that scroll, a print."""

import csv
import dataclasses
import re
import shutil
from html import escape

import nibabel
import numpy as np
import pytest

from keras_neurovit import InputError, cli, load_preset, predict_scans
from keras_neurovit.evaluation import read_predictions
from keras_neurovit.evaluation.report import report_cohort, report_scan
from keras_neurovit.evaluation.report.shown import find_file
from keras_neurovit.presets import save_calibration

from .conftest import EVIL


@pytest.fixture
def scan_page(head_file, small_preset, tmp_path):
    return report_scan(head_file, small_preset, tmp_path / "scan.html", method="gradient_attention")


def check(browser, page):
    """What must hold of every page."""
    assert browser.complaints() == []
    assert browser.requests() == [page.resolve().as_uri()]
    assert browser.value("window.hacked") is None
    assert "no medical device" in browser.value("document.body.innerText")
    assert browser.pdf().startswith(b"%PDF")
    unnamed = "[...document.querySelectorAll('input, canvas, svg')].filter(e => !(e.labels?.length || e.ariaLabel))"
    assert browser.value(f"{unnamed}.map(e => e.outerHTML)") == []


def number(browser, plane):
    return int(browser.value(f"document.querySelector(\"[data-plane='{plane}'] canvas\").dataset.slice"))


def drawn(browser, plane):
    """The sum of a plane's colours."""
    script = f"""(() => {{ const c = document.querySelector("[data-plane='{plane}'] canvas");
      const copy = new OffscreenCanvas(c.width, c.height).getContext('2d');
      copy.drawImage(c, 0, 0);
      return copy.getImageData(0, 0, c.width, c.height).data.reduce((a, b) => a + b, 0); }})()"""
    return browser.value(script)


def test_a_scans_page_in_a_browser(browser, scan_page):
    browser.open(scan_page)
    assert browser.value("[...document.querySelectorAll('.viewer')].map(f => f.dataset.ready)") == ["yes"]
    for plane in ("sagittal", "coronal", "axial"):
        before, picture = number(browser, plane), drawn(browser, plane)
        assert picture > 0
        for _ in range(3):
            browser.wheel(f"[data-plane='{plane}'] canvas", 100)
        browser.wait_for(f"document.querySelector(\"[data-plane='{plane}'] canvas\").dataset.slice == {before - 3}")
        assert drawn(browser, plane) != picture
        browser.value(f"document.querySelector(\"[data-plane='{plane}'] canvas\").focus()")
        browser.press("ArrowUp")
        browser.wait_for(f"document.querySelector(\"[data-plane='{plane}'] canvas\").dataset.slice == {before - 2}")
        slider = f"document.querySelector(\"[data-plane='{plane}'] input\")"
        browser.value(f"{slider}.value = 5; {slider}.dispatchEvent(new Event('input'))")
        assert number(browser, plane) == 5
    before = drawn(browser, "axial")
    browser.value("document.querySelector('.strength').value = 0")
    browser.value("document.querySelector('.strength').dispatchEvent(new Event('input'))")
    assert drawn(browser, "axial") <= before
    check(browser, scan_page)


def test_a_cohorts_page_in_a_browser(browser, table, tmp_path):
    page = report_cohort(table, tmp_path / "cohort.html")
    for dark in (False, True):
        browser.open(page, dark=dark)
        shades = browser.value("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)")
        assert (sum(shades[:3]) < 150) == dark
        check(browser, page)
    assert EVIL in browser.value("document.body.innerText")


def test_the_viewer_shows_the_scan(scan_page, head_file):
    """The bytes in the page are the volume's: the spot on the person's right is on its right."""
    import base64
    import gzip
    import json

    text = scan_page.read_text()
    packed = json.loads(re.search(r"<script type=\"application/json\">(.*?)</script>", text, re.DOTALL)[1])
    shape = packed["shape"]
    grey = np.frombuffer(gzip.decompress(base64.b64decode(packed["grey"])), "uint8").reshape(shape, order="F")
    assert shape == [192, 224, 192]
    head = np.asarray(nibabel.load(head_file).dataobj)
    middle = grey[21:171, 22:202, 26:166]
    assert np.corrcoef(middle.ravel(), head.ravel())[0, 1] > 0.95
    assert grey.max() == 255
    assert grey.min() == 0


def test_a_scans_page_tells_what_must_be_known(head_file, small_preset, table, tmp_path):
    image = nibabel.load(head_file)
    large = tmp_path / "large.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), np.diag([1.6, 1.6, 1.6, 1])), large)
    page = report_scan(large, small_preset, tmp_path / "large.html", method="gradient_attention")
    text = page.read_text()
    assert "more than a brain" in text
    assert "no medical device" in text
    assert "in 95 % of them" in text
    assert "this page cannot tell" in text
    assert "http" not in text.replace("http-equiv", "")


def test_a_scans_page_says_what_predict_says(head_file, small_preset, tmp_path):
    folder = shutil.copytree(small_preset.folder, tmp_path / "calibrated")
    cold = {"method": "temperature", "temperature": 0.02, "threshold": 0.5, "people": 40}  # makes all of it extreme
    preset = save_calibration(load_preset(folder), cold)
    # Scans as bright as these were never seen: predict warns of them, and so must the page.
    preset = dataclasses.replace(preset, fingerprint={"p50": [5.0, 6.0]})
    (told,) = predict_scans([head_file], preset)
    text = report_scan(head_file, preset, tmp_path / "r.html", method="gradient_attention").read_text()
    assert re.search(r"<td>([01][.][0-9]{3})</td>", text[text.index("Probabilities") :])[1] == (
        f"{told['probabilities']['a']:.3f}"
    )
    (plain,) = predict_scans([head_file], small_preset)
    assert ("under 1 %" in text) or ("over 99 %" in text)  # no certainty of 0 or 100 %
    assert abs(plain["probabilities"]["a"] - told["probabilities"]["a"]) > 0.01
    assert told["warnings"]
    assert all(escape(warning) in text for warning in told["warnings"])


def test_best_and_worst_scans(head_file, small_preset, tmp_path):
    folder = tmp_path / "bids"
    rows = []
    for index, (target, p) in enumerate([("a", 0.1), ("b", 0.8), ("a", 0.9), ("b", 0.2)]):
        anat = folder / f"sub-{index}" / "anat"
        anat.mkdir(parents=True)
        (anat / f"sub-{index}_T1w.nii.gz").write_bytes(head_file.read_bytes())
        rows.append([f"sub-{index}", "", target, 1 - p, p])
    with (tmp_path / "p.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(
            [["participant_id", "session_id", "target", "probability_a", "probability_b"], *rows]
        )
    (folder / "participants.tsv").write_text("participant_id\tage\nsub-0\t70\nsub-1\t71\nsub-2\t72\nsub-3\t73\n")
    arguments = ["report", tmp_path / "p.csv", "--cohort", folder, "--preset", small_preset.folder, "--scans", "1"]
    arguments += ["--out", tmp_path / "r.html", "--method", "gradient_attention"]
    assert cli.main([str(a) for a in arguments]) == 0
    text = (tmp_path / "r.html").read_text()
    assert text.index("Most wrong") < text.index("sub-2: a, told 90 % b") < text.index("Most right")
    assert "sub-0: a, told 10 % b" in text
    assert "age 72" in text
    assert text.count('<figure class="viewer"') == 2


def test_a_scans_page_beside_people_who_were_told_the_same(head_file, small_preset, tmp_path):
    head = "participant_id,target,probability\n"
    rows = [f"{place},{'b' if place % 4 else 'a'},{place / 100}" for place in range(101)]  # one at each percent
    (tmp_path / "p.csv").write_text(head + "\n".join([*rows, "101,b,n/a"]))
    how = {"method": "gradient_attention", "predictions": tmp_path / "p.csv"}
    text = report_scan(head_file, small_preset, tmp_path / "r.html", **how).read_text()
    found = re.search(r"Of (\d+) scans in p.csv that were told (\d+) to (\d+) %, (\d+) had b: (\d+) %", text)
    scans, low, high, ill, share = map(int, found.groups())
    assert abs(scans - (high - low + 1)) <= 2  # the bounds are rounded
    assert share == round(100 * ill / scans)
    (tmp_path / "p.csv").write_text(head + "1,a,0.5\n2,b,0.5\n3,c,0.5\n")
    with pytest.raises(InputError, match=r"expected b and another, received a, c"):
        report_scan(head_file, small_preset, tmp_path / "r.html", **how)


def test_several_scans_of_a_visit_are_found_by_name(tmp_path):
    anat = tmp_path / "sub-1" / "ses-a" / "anat"
    anat.mkdir(parents=True)
    for run in ("run-1", "run-10"):
        (anat / f"sub-1_ses-a_{run}_T1w.nii.gz").touch()
    names = ["run-10", "sub-1_ses-a_run-1_T1w.nii.gz", "run-2"]
    rows = [f"1,a,{name},{place % 2},0.5" for place, name in enumerate(names)]
    (tmp_path / "p.csv").write_text("\n".join(["participant_id,session_id,scan,target,probability", *rows]))
    found = [find_file(tmp_path, read_predictions(tmp_path / "p.csv"), row) for row in range(3)]
    assert [file and file.name.split("_")[2] for file in found] == ["run-10", "run-1", None]
