"""The paper's table: rows apart in one thing, a budget that leaves out by name, a page that tells what was measured."""

import argparse
import dataclasses
import doctest
import json
from pathlib import Path

import numpy as np
import pytest
from experiments import cells, table, tasks, train
from experiments.cells import Cell, grid, pairs
from fitting import Place

from keras_neurovit import InputError, cohorts

ZOO = Path(__file__).parents[1] / "zoo"


def test_examples_in_docstrings():
    import fitting

    for module in (cells, fitting):
        found = doctest.testmod(module)
        assert found.attempted
        assert not found.failed


def test_every_row_once_and_the_recipe_first():
    rows = grid(["sex", "AD"])
    assert len(rows) == len(set(rows)) == 2 * (3 * 3 * 2 * 2 + 2)
    assert [row.departs for row in rows] == sorted(row.departs for row in rows)
    assert {(row.name, row.departs) for row in rows[:2]} == {("vit3d, synthetic, augmented, warm-up + annealing", 0)}


def test_compared_rows_are_apart_in_one_thing():
    compared = pairs(grid(["sex", "AD"]))
    assert {effect for effect, _, _ in compared} == {
        "synthetic pre-training",
        "real pre-training",
        "augmentation",
        "warm-up + annealing",
        "vit3d, not minit3d",
        "vit3d, not sfcn",
    }
    for _, one, other in compared:
        apart = [f.name for f in dataclasses.fields(Cell) if getattr(one, f.name) != getattr(other, f.name)]
        assert len(apart) == 1
        assert apart != ["task"]
    assert sum(one.people is not None for _, one, _ in compared) == 2  # one a task


@pytest.fixture
def people(bids_of_sexes):
    return cohorts.read_bids(bids_of_sexes, "sex", labels=("F", "M"))


@pytest.fixture
def bids_of_sexes(tmp_path):
    rows = ["participant_id\tsex\tage"]
    for number in range(40):
        scan = tmp_path / f"sub-{number:02d}/anat/sub-{number:02d}_T1w.nii.gz"
        scan.parent.mkdir(parents=True)
        scan.write_bytes(b"nobody opens it")
        rows.append(f"sub-{number:02d}\t{'FM'[number % 2]}\t{20 + number}")
    (tmp_path / "participants.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


def test_nobody_is_tested_on_who_taught(people):
    task = tasks.real_people(people, "sex", {"age": "number"})
    first, again = task.runs(0, None), task.runs(0, None)
    assert [run.name for run in first] == [f"0_{fold}" for fold in range(5)]
    assert sorted(np.concatenate([run.rows for run in first])) == list(range(40))
    for run, same in zip(first, again, strict=True):
        assert not set(run.learn.participants) & set(run.test.participants)
        assert set(run.teachers.participants) == set(run.learn.participants)
        np.testing.assert_array_equal(run.rows, same.rows)
    for run, all_of_them in zip(task.runs(0, 12), first, strict=True):
        assert set(run.learn.participants) < set(all_of_them.learn.participants)
        assert run.learn.targets.tolist().count(1) == 6
    assert not np.array_equal(task.runs(1, None)[0].rows, first[0].rows)


@pytest.fixture
def ran(people, tmp_path, monkeypatch):
    """Rows and what was left out, where a run is said to take 10 minutes from random weights, 1 from others."""
    asked = []

    def scores(kind, how, start, run, seed, place):
        asked.append((kind, how, run.name, seed))
        random = np.random.default_rng(len(asked))
        known = 1.0 if how.pretrained else 0.0
        return 1 / (1 + np.exp(-(known * 4 * (run.test.targets - 0.5) + random.normal(size=len(run.test)))))

    monkeypatch.setattr(train, "held_out_scores", scores)
    monkeypatch.setattr(train, "cost_s", lambda how, runs, options: 60 * (1 if how.pretrained else 10) * len(runs))
    task = tasks.real_people(people, "sex", {"age": "number"})

    def run(**changes):
        plain = {"seeds": 2, "budget": 30, "starts": {}, "smoke": False, "place": Place(tmp_path / "runs")}
        options = argparse.Namespace(**plain | changes)
        found, left_out = train.run_rows([task], options)
        return train.report([task], found, left_out, options), found, asked

    return run


def test_the_budget_leaves_out_by_name(ran):
    results, found, asked = ran()
    assert {cell.start for cell in found} == {"synthetic"}
    assert {kind for kind, *_ in asked} == {"vit3d_brain"}
    assert {how.augmentation for _, how, *_ in asked} == {"standard", "none"}
    assert {how.anneal for _, how, *_ in asked} == {"cosine", "constant"}
    rows = len(found) * 2 + len(results["left_out"])
    assert rows == 2 * len(grid(["sex"]))
    reasons = {row["why"] for row in results["left_out"]}
    assert reasons == {"about 50 minutes more", train.NO_WEIGHTS}


def test_effects_are_told_as_they_are(ran):
    results, *_ = ran(budget=1e6)
    told = {(row["effect"], row["in"]): row for row in results["comparisons"]}
    recipe = Cell("sex").name
    taught, plain = told["synthetic pre-training", recipe], told["augmentation", recipe]
    assert taught["value"] > taught["low"] > 0.2
    assert taught["p_holm"] < 0.05
    assert abs(plain["value"]) < 0.1
    assert plain["p_holm"] > 0.05
    assert all(row["p_holm"] >= row["p"] for row in results["comparisons"])
    page = table.fill(f"before\n{table.BEGIN}\nwhat was there\n{table.END}\nafter\n", results)
    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")
    assert "what was there" not in page
    lines = {tuple(line.split(" | ")[:2]): line for line in page.splitlines() if line.startswith("| ")}
    assert lines["| synthetic pre-training", recipe].endswith("| helps |")
    assert lines["| augmentation", recipe].endswith("| does not appear |")
    assert f"- sex, {train.NO_WEIGHTS}: 8 rows (seeds): " in page
    assert table.fill(page, json.loads(json.dumps(results))) == page


def test_draws_are_scored_as_scikit_learn_does():
    import fitting
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(0)
    targets, scores = np.arange(30) % 2, random.normal(size=(2, 30)).round(1)  # ties
    random, wanted = np.random.default_rng(7), []
    for _ in range(20):
        rows = random.integers(0, 30, 30)
        wanted.append(np.mean([roc_auc_score(targets[rows], row[rows]) for row in scores]))
    np.testing.assert_allclose(fitting.resampled(scores, targets, 7, draws=20), wanted)


def test_people_of_the_folds_may_be_too_few(ran, people):
    results, *_ = ran(budget=1e6)
    assert not [row for row in results["left_out"] if row["why"].startswith("fewer")]  # 32 learn in each fold
    task = tasks.real_people(people.subset(np.arange(20)), "sex", {})
    options = argparse.Namespace(seeds=1, budget=1e6, starts={}, smoke=False, place=Place(Path("runs")))
    _, left_out = train.run_rows([task], options)
    assert {row["why"] for row in left_out} == {
        "fewer than 24 people",
        train.NO_WEIGHTS,
        "no other labels of real people to learn first",
    }


def test_teachers_who_are_tested_are_refused(people, tmp_path):
    import fitting

    task = tasks.real_people(people, "sex", {"age": "number"})
    run = dataclasses.replace(task.runs(0, None)[0], teachers=people)
    _, how = train.way(Cell("sex", start="real"), task, {})
    with pytest.raises(InputError, match="sub-"):
        fitting.held_out_scores("real", how, train.start_of(how, {}), run, 0, Place(tmp_path))


def test_the_page_tells_what_was_measured():
    page = (ZOO / "README.md").read_text(encoding="utf-8")
    assert table.fill(page, json.loads((ZOO / "experiments/results.json").read_text(encoding="utf-8"))) == page
