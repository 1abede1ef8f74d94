"""`keras-neurovit cohort`: the account at a terminal."""

from keras_neurovit.cli import main


def test_describes_a_folder(bids, scan_path, capsys, tmp_path):
    folder = bids("participant_id\tdiagnosis\nsub-1\tCN\nsub-2\tAD\nsub-3\t\n", *map(scan_path, (1, 2, 3)))
    assert main(["cohort", "bids", str(folder), "--figure", str(tmp_path / "flow.png")]) == 0
    told = capsys.readouterr().out
    assert told.startswith("2 scans of 2 people, target diagnosis")
    assert "left out       1  no diagnosis known: sub-3" in told
    assert (tmp_path / "flow.png").is_file()
    assert main(["cohort", "bids", str(folder), "--check"]) == 0
    assert "0 scans of 0 people" in capsys.readouterr().out


def test_tells_how_to_get_one(capsys):
    assert main(["cohort", "ixi"]) == 0
    assert "IXI-T1.tar" in capsys.readouterr().out
    assert main(["cohort", "ixy"]) == 1
    assert "Did you mean 'ixi'?" in capsys.readouterr().err
