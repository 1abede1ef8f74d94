"""The paper's table: rows apart in one thing, a budget that leaves out by name, a page that tells what was measured."""

import argparse
import dataclasses
import doctest
import json
from pathlib import Path

import held_out
import numpy as np
import pytest
import scored
from experiments import cells, table, tasks, train
from experiments.cells import Cell, grid, pairs
from fitting import Place
from scored import Scored
from sklearn.metrics import roc_auc_score

from keras_neurovit import InputError, cohorts

ZOO = Path(__file__).parents[1] / "zoo"


def test_examples_in_docstrings():
    for module in (cells, scored):
        found = doctest.testmod(module)
        assert found.attempted
        assert not found.failed


def test_every_row_once_and_the_recipe_first():
    rows = grid(["sex", "AD"])
    assert len(rows) == len(set(rows)) == 2 * (3 * 3 * 2 * 2 + 4)
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
    assert sum(one.people is not None for _, one, _ in compared) == 4  # two a task


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


def test_areas_are_those_of_scikit_learn_within_folds():
    random = np.random.default_rng(0)
    targets, scores = np.arange(30) % 2, random.normal(size=(2, 30)).round(1)  # ties
    folds = np.stack([np.arange(30) // 15, np.arange(30) // 2 % 2])
    one = Scored(scores, targets, np.zeros((2, 30)), np.arange(30))
    assert one.auc() == pytest.approx(np.mean([roc_auc_score(targets, row) for row in scores]))
    random, wanted = np.random.default_rng(7), []
    for _ in range(20):
        rows = random.integers(0, 30, 30)
        wanted.append(np.mean([roc_auc_score(targets[rows], row[rows]) for row in scores]))
    np.testing.assert_allclose(one.drawn(7, draws=20), wanted)
    areas, pairs = [], []
    for row, parts in zip(scores, folds, strict=True):
        for inside in (parts == 0, parts == 1):
            areas.append(roc_auc_score(targets[inside], row[inside]))
            pairs.append(targets[inside].sum() * (1 - targets[inside]).sum())
    apart = dataclasses.replace(one, folds=folds)
    assert apart.auc() == pytest.approx(np.average(areas, weights=pairs))
    # What another model adds to all of its own scores changes nothing.
    moved = dataclasses.replace(apart, scores=scores + 5 * folds)
    assert moved.auc() == apart.auc()
    assert moved.estimate(0) == apart.estimate(0)


def test_nobody_with_several_scans_stands_in_two_folds(people):
    again = tuple(dataclasses.replace(r, path=r.path.with_name("again.nii.gz")) for r in people.records[::3])
    people = dataclasses.replace(people, records=people.records + again)
    for run in tasks.real_people(people, "sex", {}).runs(0, None):
        cohorts.refuse_leak(train=run.learn, test=run.test)
        assert len(run.rows) == len(run.test)
    scored = Scored(np.ones((1, 54)), people.targets, np.zeros((1, 54)), people.participants)
    assert scored.estimate(0)["n"] == 40


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
    task = tasks.real_people(people, "sex", {"age": "number"})
    run = dataclasses.replace(task.runs(0, None)[0], teachers=people)
    _, how = train.way(Cell("sex", start="real"), task, {})
    with pytest.raises(InputError, match="sub-"):
        held_out.held_out_scores("real", how, train.start_of(how, {}), run, 0, Place(tmp_path))


def test_scores_that_were_kept_are_not_run_again(people, tmp_path, monkeypatch):
    task = tasks.real_people(people, "sex", {})
    run, how = task.runs(0, None)[0], train.way(Cell("sex", start="scratch"), task, {})[1]
    place = Place(tmp_path / "runs", kept=tmp_path / "kept")
    asked = ("vit3d_scratch", how, train.start_of(how, {}), run, 7)
    assert held_out.known_scores(*asked, place) is None
    scores = np.linspace(0.1, 0.9, len(run.test))
    folder = held_out._folder(*asked, place)
    folder.mkdir(parents=True)
    np.save(folder / "scores.npy", scores)
    held_out.held_out_scores(*asked, place)  # what is done here is kept
    elsewhere = dataclasses.replace(place, runs=tmp_path / "other")
    np.testing.assert_allclose(held_out.held_out_scores(*asked, elsewhere), scores, atol=1e-6)
    others = dataclasses.replace(run, learn=run.learn.subset(np.arange(20)))
    assert held_out.known_scores(*asked[:3], others, 7, elsewhere) is None
    assert held_out.known_scores(*asked[:4], 8, elsewhere) is None


def test_the_page_tells_what_was_measured():
    page = (ZOO / "README.md").read_text(encoding="utf-8")
    assert table.fill(page, json.loads((ZOO / "experiments/results.json").read_text(encoding="utf-8"))) == page
