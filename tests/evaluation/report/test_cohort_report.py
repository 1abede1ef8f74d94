"""A page about a table by whoever made it: what is read, left out and refused; curves with their bands."""

import re
import shutil

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve as sklearn_precision
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc

from keras_neurovit import InputError, cli
from keras_neurovit.evaluation import confound_baseline, matched_auc
from keras_neurovit.evaluation.report import report_cohort
from keras_neurovit.evaluation.report.curves import precision_recall_curve, roc_curve
from keras_neurovit.evaluation.report.told import read_told
from keras_neurovit.presets import know, save_people

from .conftest import EVIL


def written(tmp_path, text, name="p.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def page_of(tmp_path, table, **options):
    """The text of a page, its tables' cells apart by a bar."""
    text = report_cohort(table, tmp_path / "r.html", **options).read_text()
    return re.sub(r"[|\s]*<[^>]*>[|\s]*", "|", text.split("<main", 1)[-1]).replace("||", "|")


def test_what_is_left_out_is_counted(table, tmp_path):
    found = read_told(table)
    assert found.left_out == (("without a prediction", 2), ("without a target", 0))
    assert (found.labels, len(found)) == (("CN", "AD"), 118)
    assert set(found.columns) == {"age", "sex", "site"}
    other = read_told(table, "CN")
    np.testing.assert_allclose(other.scores, 1 - found.scores, atol=2e-5)
    assert (other.targets == 1 - found.targets).all()
    cells = [cell for cell in page_of(tmp_path, table).split("|") if cell]
    for name, count in (("rows read", 120), ("without a prediction", 2), ("scans evaluated", 118)):
        assert cells[cells.index(name) + 1] == str(count)


def test_one_column_of_another_framework(tmp_path):
    rows = [f"{row:02d},{'AD' if row % 2 else 'CN'},{0.3 + 0.4 * (row % 2) + 0.01 * row:.2f}" for row in range(12)]
    file = written(tmp_path, "\n".join(["participant_id,target,probability", *rows, "12,n/a,0.5"]))
    folder = tmp_path / "study"
    folder.mkdir()
    ages = [f"sub-{row:02d}\t{70 + row}" for row in range(10)]  # two are not in it
    written(folder, "\n".join(["participant_id\tage", *ages]), "participants.tsv")
    cells = page_of(tmp_path, file, cohort=folder, positive="AD").split("|")
    assert "How well it tells AD from CN" in cells
    assert cells[cells.index("age") + 1 :][:2] == ["74.0 ± 2.8 (70–78)", "75.0 ± 2.8 (71–79)"]
    assert cells[cells.index("without a target") + 1] == "1"
    with pytest.raises(InputError, match=r"the target is no known class.*--label AD"):
        report_cohort(file, tmp_path / "r.html")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("participant_id,probability\n1,0.2\n", "no column 'target'"),
        ("participant_id,target\n1,0\n", "not clear what was predicted"),
        ("participant_id,target,prediction\n1,0,3\n", "holds numbers, no classes"),
        ("participant_id,target,probability\n1,0,1.2\n2,1,0.1\n", "line 2: the numbers are no probabilities"),
        ("participant_id,target,probability\n1,0,high\n2,1,0.1\n", "probability is no number in 1 line"),
        ("participant_id,target,probability\n1,0,0.2\n1,1,0.3\n", "1 stood in line 2 already"),
        ("participant_id,target,probability\n1,a,0.2\n2,b,0.3\n3,c,0.3\n", "the target is no known class"),
        ("participant_id,target,probability_a,probability_b\n1,c,0.2,0.8\n", "the target is no known class"),
        ("participant_id,target,probability\n1,1,0.2\n2,1,0.3\n", "nobody has the target 0"),
        ("participant_id,target,probability\n1,n/a,0.2\n", "nobody whose target and prediction are known"),
        ("participant_id,target,probability\n", "holds no predictions"),
        ("", "is empty"),
    ],
)
def test_unusable_tables_are_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        report_cohort(written(tmp_path, text), tmp_path / "r.html")
    assert [file.name for file in tmp_path.iterdir()] == ["p.csv"]


def test_curves_are_scikit_learns_within_their_bands(table):
    found = read_told(table)
    curve = roc_curve(found)
    false, true, _ = sklearn_roc(found.targets, found.scores, drop_intermediate=False)
    assert np.abs(curve.y - np.interp(curve.x, false, true)).max() < 1e-12
    trapezes = (np.diff(curve.x) * (curve.y[1:] + curve.y[:-1]) / 2).sum()
    assert trapezes == pytest.approx(roc_auc_score(found.targets, found.scores), abs=0.02)
    assert ((curve.low <= curve.y + 1e-9) & (curve.y <= curve.high + 1e-9)).mean() > 0.95
    precision, recall, _ = sklearn_precision(found.targets, found.scores)
    curve = precision_recall_curve(found)
    assert curve.y[-1] == pytest.approx(precision[recall == 1].max(), abs=0.05)
    assert ((curve.low <= curve.y + 1e-9) & (curve.y <= curve.high + 1e-9)).mean() > 0.9


def test_strata_hold_everybody_once(table, tmp_path):
    cells = page_of(tmp_path, table).split("|")
    cells = cells[cells.index("Strata") :]
    for kind in ("age", "sex", "site"):
        rows = [place for place, cell in enumerate(cells) if cell.startswith(f"{kind} ")]
        assert len(rows) > 1
        assert sum(int(cells[place + 2]) for place in rows) == 118
    found = read_told(table)
    women = np.array(found.columns["sex"]) == "F"
    place = cells.index("sex F")
    assert cells[place + 3] == str(found.targets[women].sum())
    assert cells[place + 4] == f"{roc_auc_score(found.targets[women], found.scores[women]):.3f}"


def test_the_baseline_knows_what_the_table_tells(table, tmp_path):
    found = confound_baseline(read_told(table))
    text = page_of(tmp_path, table)
    assert "What age, sex, site alone tell of the same people" in text
    assert f"AUC {found.estimate}" in text
    rows = [",".join(line.split(",")[:5]) for line in table.read_text().splitlines()]
    assert "There is no baseline beside it" in page_of(tmp_path, written(tmp_path, "\n".join(rows)))


def test_people_the_model_knows_are_refused_or_marked(table, small_preset, tmp_path, capsys):
    folder = shutil.copytree(small_preset.folder, tmp_path / "preset")
    train = written(tmp_path, "participant_id\nsub-007\nsub-900\n", "train.csv")
    command = [str(a) for a in ("report", table, "--out", tmp_path / "r.html")]
    for known in (["--train", str(train)], ["--preset", str(folder)]):
        if known[0] == "--preset":
            assert cli.main([*command, *known]) == 0
            assert "does not tell whom it has learnt from" in capsys.readouterr().err
            save_people(folder, [know(["sub-007"], "first study")])
            (tmp_path / "r.html").unlink()
        assert cli.main([*command, *known]) == 1
        assert "the model knows 1 person from" in capsys.readouterr().err
        assert not (tmp_path / "r.html").exists()
        assert cli.main([*command, *known, "--force"]) == 0
        assert "LEAKED: 1 of 100 people were trained on" in (tmp_path / "r.html").read_text()
        (tmp_path / "r.html").unlink()
    assert "LEAKED" not in page_of(tmp_path, table)


def test_the_threshold_is_chosen_on_others(table, tmp_path):
    rows = [f"v{row},,{'AD' if row > 5 else 'CN'},{1 - row / 10:.2f},{row / 10:.2f}" for row in range(11)]
    watched = written(tmp_path, "\n".join([table.read_text().splitlines()[0].removesuffix(",age,sex,site"), *rows]))
    text = page_of(tmp_path, table, validation=watched)
    assert "threshold 0.55 (chosen on p.csv)" in text
    found = read_told(table)
    cells = [cell for cell in text.split("|") if cell]
    right = ((found.scores >= 0.55) & (found.targets == 1)).sum()
    assert cells[cells.index("told AD") + 4 :][:3] == ["AD", str((found.targets == 1).sum() - right), str(right)]
    assert "threshold 0.5 (which nobody chose)" in page_of(tmp_path, table)
    with pytest.raises(InputError, match="share 100 people"):
        report_cohort(table, tmp_path / "r.html", validation=table)


def test_the_way_from_the_folder_to_those_evaluated(table, tmp_path):
    for person in (0, 1, 3, 500):
        file = tmp_path / "bids" / f"sub-{person:03d}" / "anat" / f"sub-{person:03d}_T1w.nii.gz"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"not opened")
    cells = page_of(tmp_path, table, cohort=tmp_path / "bids").split("|")
    counts = {"T1w scans in the cohort's folder": 4, "people they are of": 4, "people without an evaluated scan": 1}
    for name, count in counts.items():
        assert cells[cells.index(name.replace("'", "&#39;")) + 1] == str(count)


def test_brains_of_one_size(tmp_path):
    random = np.random.default_rng(0)
    rows = [f"{row},{row % 2},{random.random():.3f},{1200 + random.integers(200)}" for row in range(60)]
    file = written(tmp_path, "\n".join(["participant_id,target,probability,brain_volume", *rows]))
    found = matched_auc(read_told(file))
    text = page_of(tmp_path, file)
    assert (
        f"Among {found.pairs} pairs with brains of one size the model’s AUC is {found.estimate}, that of size" in text
    )
    assert "|area under the ROC curve|" in text


def test_names_from_the_table_are_escaped(table, tmp_path):
    (tmp_path / "scaling.csv").write_text("people,auc,low,high\n50,0.7,0.6,0.8\n400,0.9,0.85,0.95\n")
    arguments = ["report", table, "--scaling", tmp_path / "scaling.csv", "--out", tmp_path / "r.html"]
    assert cli.main([str(a) for a in arguments]) == 0
    text = (tmp_path / "r.html").read_text()
    assert EVIL not in text
    assert "&lt;script&gt;" in text
    assert "A &amp; B" in text
    assert "nan" not in text
    for heading in ("Who was evaluated", "Strata", "Confusion", "Calibration", "More people", "logistic regression"):
        assert heading in text


def test_a_page_needs_its_ending_and_a_threshold_its_range(table, tmp_path):
    with pytest.raises(InputError, match="is no page"):
        report_cohort(table, tmp_path / "r.pdf")
    with pytest.raises(InputError, match="threshold is out of range"):
        report_cohort(table, tmp_path / "r.html", threshold=2)
    with pytest.raises(InputError, match="scaling curve"):
        report_cohort(table, tmp_path / "r.html", scaling=table)
