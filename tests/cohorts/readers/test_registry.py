"""What holds for every named cohort."""

import pytest

from keras_neurovit._checks import InputError
from keras_neurovit.cli import main
from keras_neurovit.cohorts import instructions, load, names, options
from keras_neurovit.cohorts.registry import NAMED, reader


@pytest.mark.parametrize("name", NAMED)
def test_each_tells_how_to_get_it_and_says_so_in_errors(name, tmp_path):
    told = reader(name)
    assert told.name == name
    assert "http" in instructions(name) or "academictorrents.com" in instructions(name)
    assert told.source
    assert told.title
    with pytest.raises(InputError, match="no such folder"):
        load(name, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as raised:
        load(name, tmp_path / "empty")
    assert instructions(name) in str(raised.value)
    with pytest.raises(InputError, match=r"unknown option of|has no option"):
        load(name, tmp_path / "empty", colour="blue")
    assert all(told.assumed)


@pytest.mark.parametrize("name", names())
def test_each_introduces_itself_at_the_terminal(name, capsys):
    assert main(["cohort", name]) == 0
    out = capsys.readouterr().out
    assert instructions(name) in out
    assert all(f"{option}=" in out for option in options(name))
    assert all(text in out for text in (reader(name).assumed if name in NAMED else ()))


@pytest.mark.parametrize(
    ("name", "option", "expected"),
    [
        ("bids", {"colour": 1}, "unknown option of bids 'colour' .*entities, suffix"),
        ("adni", {"within_days": "a week"}, "within_days of adni is unusable .*a whole number, received 'a week'"),
        ("oasis1", {"young_are_cn": "yes"}, "young_are_cn of oasis1 is unusable .*true or false"),
        ("ixi", {"image": "T2"}, "ixi has no option 'image'"),
    ],
)
def test_wrong_options_are_told(name, option, expected, tmp_path):
    with pytest.raises(InputError, match=expected):
        load(name, tmp_path, **option)


def test_unknown_cohorts_and_columns(put):
    with pytest.raises(InputError, match=r"unknown cohort 'oasis'.*Did you mean 'oasis"):
        load("oasis", put.folder)
    assert {"bids", "csv", *NAMED} <= set(names())


def test_own_folders_by_the_same_name(bids, scan_path):
    folder = bids("participant_id\tsite\tdiagnosis\nsub-1\tA\tCN\nsub-2\tB\tAD\n", scan_path(1), scan_path(2))
    assert len(load("bids", folder)) == 2
    assert len(load("bids", folder, keep={"site": "A"}, entities={"run": None})) == 1
    (folder / "scans.csv").write_text(f"path,participant_id,sex\n{scan_path(1)},1,F\n{scan_path(2)},2,M\n")
    assert load("csv", folder / "scans.csv", "sex", keep={"sex": "F"}).participants.tolist() == ["1"]
    assert load("bids", folder, "site").describe().startswith("2 scans of 2 people, target site")
