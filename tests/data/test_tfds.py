"""TensorFlow Datasets: every cohort's builder on a miniature in its true layout."""

import dataclasses
import functools
import json
import sys

import nibabel
import numpy as np
import pytest

pytest.importorskip("tensorflow_datasets")

import tensorflow_datasets as tfds

from keras_neurovit import InputError, VolumeContract, conform, read_scan
from keras_neurovit.cohorts import instructions, load, person_hash, side_of
from keras_neurovit.cohorts.registry import NAMED
from keras_neurovit.data.tfds import CONFIGS, CohortConfig, KerasNeurovit, published
from tests.cohorts.readers import trees
from tests.conftest import make_head

SMALL = VolumeContract((8.0, 8.0, 8.0), (24, 28, 24), brain_extracted=False)
HEAD = make_head((36, 44, 34), 4.5)


def write_scan(path, brighter=0):
    """A real scan in place of a file, in the format of its name."""
    voxels = (HEAD + brighter * (HEAD > 120)).astype("int16")
    if path.suffix == ".img":
        image = nibabel.AnalyzeImage(voxels[..., None], np.diag([4.5, 4.5, 4.5, 1.0]))
    else:
        image = nibabel.Nifti1Image(voxels, np.diag([4.5, 4.5, 4.5, 1.0]))
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.to_filename(path)


def study(folder, people, visits=1):
    """A BIDS folder whose people differ in brightness."""
    rows = ["participant_id\tage\tsex\tgroup"]
    for person in range(people):
        for visit in range(visits):
            anat = folder / f"sub-{person}" / f"ses-{visit}" / "anat"
            write_scan(anat / f"sub-{person}_ses-{visit}_T1w.nii.gz", person + visit)
        age, sex = 60 + person if person else "n/a", ["Female", "M", "n/a"][person % 3]
        rows.append(f"sub-{person}\t{age}\t{sex}\t{'ab'[person % 2]}")
    sidecar = folder / "sub-1" / "ses-0" / "anat" / "sub-1_ses-0_T1w.json"
    sidecar.write_text('{"MagneticFieldStrength": 3}')
    (folder / "participants.tsv").write_text("\n".join(rows) + "\n")
    return folder


def own(name="mine", **more):
    more = {"study": "mine", "contract": SMALL} | more
    return CohortConfig(name=name, reader="bids", target="group", labels=("a", "b"), **more)


def built(config, manual, folder):
    builder = KerasNeurovit(config=config, data_dir=folder)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=manual))
    return builder


def examples(builder, side):
    return sorted(tfds.as_numpy(builder.as_dataset(split=side)), key=lambda e: (e["participant"], e["scan"]))


@pytest.mark.parametrize("name", NAMED)
def test_a_builder_gives_what_the_reader_lists(name, put, tmp_path):
    manual = getattr(trees, name)(put)
    cohort = load(name, manual, labels=KerasNeurovit.builder_configs[name].labels)
    for place, path in enumerate(cohort.paths):
        write_scan(path, place)
    small = {"name": "small", "study": name, "contract": SMALL, "fractions": {"train": 1.0}}
    config = dataclasses.replace(KerasNeurovit.builder_configs[name], **small)
    builder = built(config, manual, tmp_path / "tfds")
    found = examples(builder, "train")
    assert len(found) == len(cohort) == builder.info.splits["train"].num_examples
    told = sorted(cohort.records, key=lambda r: (r.participant.encode(), r.path.name.encode()))
    for example, record in zip(found, told, strict=True):
        columns = record.columns
        assert example["participant"].decode() == record.participant
        assert example["session"].decode() == (record.session or "")
        assert example["label"] == record.label
        assert example["diagnosis"].decode() == columns.get("diagnosis", "")
        assert example["site"].decode() == columns.get("site", "")
        assert ["F", "M"][example["sex"]] == columns["sex"]
        for number in ("age", "field_strength", "cdr"):
            expected = float(columns.get(number) or "nan")
            np.testing.assert_allclose(example[number], expected, rtol=1e-6)
        np.testing.assert_allclose(example["spacing_mm"], 4.5, rtol=1e-6)
        assert example["volume"].dtype == np.float16
        np.testing.assert_allclose(example["volume"], conform(read_scan(record.path), SMALL), atol=4e-3)
    assert builder.info.features["label"].names == list(cohort.labels)
    assert [step["text"] for step in builder.info.metadata["flow"]] == [step.text for step in cohort.flow]


def test_people_are_split_and_published(tmp_path):
    manual = study(tmp_path / "manual" / "mine", 12, visits=2)
    builder = built(own(seed=1), manual.parent, tmp_path / "tfds")
    sides = {side: examples(builder, side) for side in ("train", "validation", "test")}
    people = {side: {e["participant"].decode() for e in found} for side, found in sides.items()}
    assert set().union(*people.values()) == {f"sub-{i}" for i in range(12)}
    assert sum(map(len, people.values())) == 12
    assert sum(map(len, sides.values())) == 24
    # What lies beside the data names everybody by a hash that those who have the study can make again.
    metadata = json.loads((builder.data_path / "metadata.json").read_text())
    for side, names in people.items():
        assert metadata["people"][side] == sorted(person_hash("mine", name) for name in names)
        assert all(side_of("mine", name, metadata["fractions"], metadata["seed"]) == side for name in names)
    assert "sub-1" not in json.dumps(metadata["people"])
    one = next(
        e for e in sides["train"] + sides["validation"] + sides["test"] if e["scan"] == b"sub-1_ses-0_T1w.nii.gz"
    )
    assert (one["age"], one["sex"], one["label"], one["field_strength"]) == (61, 1, 1, 3)
    unknown = [e for found in sides.values() for e in found if e["participant"] in (b"sub-0", b"sub-2")]
    assert {int(e["sex"]) for e in unknown} == {0, -1}
    assert np.isnan([e["age"] for e in unknown]).sum() == 2


def test_load_by_name_and_fit(put, tmp_path):
    import keras

    put("oasis_cross-sectional.csv", trees.OASIS1.splitlines()[0])
    rows = [f"OAS1_{i:04d}_MR1,F,R,74,2,3,29,{[0, 0.5, 1][i % 3]},1344,0.743,1.306,N/A" for i in range(6, 18)]
    put("oasis_cross-sectional.csv", "\n".join([trees.OASIS1.splitlines()[0], *rows]))
    for i in range(6, 18):
        trees.oasis1_session(put, f"OAS1_{i:04d}_MR1")
    for path in load("oasis1", put.folder).paths:
        write_scan(path)
    put.folder.rename(tmp_path / "oasis1")
    how = {"download_config": tfds.download.DownloadConfig(manual_dir=tmp_path)}
    given = {"data_dir": tmp_path / "tfds", "download_and_prepare_kwargs": how, "as_supervised": True}
    train = tfds.load("keras_neurovit/oasis1", split="train", **given)
    again, info = tfds.load("keras_neurovit/oasis1", with_info=True, data_dir=tmp_path / "tfds", download=False)
    assert set(again) == {"train", "validation", "test"}
    assert info.splits.total_num_examples == 12
    layers = [keras.layers.Input((96, 112, 96, 1)), keras.layers.AveragePooling3D(16), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, run_eagerly=True, jit_compile=False)
    assert np.isfinite(model.fit(train.batch(4), verbose=0, shuffle=False).history["loss"]).all()


def test_scans_that_cannot_be_read_are_named_and_counted(tmp_path, capsys):
    manual = study(tmp_path / "mine", 4)
    (manual / "sub-2" / "ses-0" / "anat" / "sub-2_ses-0_T1w.nii.gz").write_bytes(b"\x1f\x8b" + bytes(400))
    builder = built(own(fractions={"train": 1.0}, dtype="float32"), manual, tmp_path / "tfds")
    found = examples(builder, "train")
    assert [e["participant"] for e in found] == [b"sub-0", b"sub-1", b"sub-3"]
    assert found[0]["volume"].dtype == np.float32
    assert "left out: " in capsys.readouterr().err
    last = builder.info.metadata["flow"][-1]
    assert last == {"kind": "left out", "scans": 1, "text": "cannot be read: sub-2_ses-0_T1w.nii.gz"}


def test_what_cannot_be_built_says_how_to_get_it(tmp_path):
    with pytest.raises(AssertionError, match=r"IXI-T1\.tar"):
        built("ixi", tmp_path / "nowhere", tmp_path / "tfds")
    (tmp_path / "manual" / "other").mkdir(parents=True)
    with pytest.raises(InputError, match=r"IXI-T1\.tar"):
        built("ixi", tmp_path / "manual", tmp_path / "tfds")
    with pytest.raises(InputError, match="nobody falls to the side 'validation'"):
        built(own(), study(tmp_path / "mine", 2), tmp_path / "tfds")
    with pytest.raises(InputError, match="has no target"):
        CohortConfig(name="x", reader="bids", labels=("a",))
    with pytest.raises(InputError, match="unknown dtype"):
        own(dtype="int8")


def test_every_config_tells_what_it_is():
    assert {config.name for config in CONFIGS} == {*NAMED, "ds002748", "synthetic"}
    for config in CONFIGS:
        assert config.description
        assert (config.manual is None) == (config.name == "synthetic")
        if config.reader in NAMED:
            assert instructions(config.reader) in config.manual
    assert own().description == "mine"


def test_the_generator_is_a_builder(tmp_path, monkeypatch):
    pytest.importorskip("nilearn")
    made = KerasNeurovit.builder_configs["synthetic"].make
    assert made.keywords == {"people": 60, "seed": 0}
    fewer = {"make": functools.partial(made.func, people=2, seed=0, verbose=False), "fractions": {"train": 1.0}}
    config = dataclasses.replace(KerasNeurovit.builder_configs["synthetic"], name="two", contract=SMALL, **fewer)
    builder = built(config, None, tmp_path)
    assert [(e["label"], e["diagnosis"]) for e in examples(builder, "train")] == [(0, b"CN"), (1, b"AD")]


def test_the_published_lists_are_what_anybody_makes(shared_data):
    from keras_neurovit.synthesis import draw_population

    ids = {
        "ds002748": set(load("bids", shared_data / "ds002748", "group").participants.tolist()),
        "synthetic": {person.participant for person in draw_population(60, seed=0)},
    }
    for study, people in ids.items():
        listed, config = published(study), KerasNeurovit.builder_configs[study]
        assert (listed["seed"], listed["fractions"]) == (config.seed, config.fractions)
        sides = {person: side_of(study, person, config.fractions, config.seed) for person in people}
        made = {s: sorted(person_hash(study, p) for p in people if sides[p] == s) for s in config.fractions}
        assert made == listed["people"]
    assert published("oasis1") is None


def test_people_who_are_not_in_the_published_list_are_told(tmp_path):
    manual = study(tmp_path / "ds002748", 3)
    builder = built(own(study="ds002748", fractions={"train": 1.0}), manual, tmp_path / "tfds")
    texts = [step["text"] for step in builder.info.metadata["flow"]]
    assert "not in the published list of ds002748: sub-0, sub-1, sub-2" in texts


def test_ones_own_cohort_by_the_loader(tmp_path):
    study(tmp_path / "mine", 2)
    how = {"download_config": tfds.download.DownloadConfig(manual_dir=tmp_path)}
    given = {"data_dir": tmp_path / "tfds", "download_and_prepare_kwargs": how, "split": "train"}
    config = own(fractions={"train": 1.0})
    found = tfds.load("keras_neurovit", builder_kwargs={"config": config}, **given)
    assert sorted(e["participant"] for e in tfds.as_numpy(found)) == [b"sub-0", b"sub-1"]


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    monkeypatch.delitem(sys.modules, "keras_neurovit.data.tfds")
    with pytest.raises(InputError, match=r'pip install "keras-neurovit\[tfds\]"'):
        import keras_neurovit.data.tfds  # noqa: F401


def test_people_of_openneuro(shared_data, tmp_path):
    source, folder = shared_data / "ds002748", tmp_path / "manual" / "ds002748"
    header, *rows = (source / "participants.tsv").read_text().splitlines()
    chosen = [rows[0], rows[1], next(row for row in rows if row.endswith("control"))]
    folder.mkdir(parents=True)
    (folder / "participants.tsv").write_text("\n".join([header, *chosen]) + "\n")
    people = [row.split("\t")[0] for row in chosen]
    for person in people:
        (folder / person).symlink_to(source / person)
    config = dataclasses.replace(
        KerasNeurovit.builder_configs["ds002748"], name="few", contract=SMALL, fractions={"train": 1.0}
    )
    assert config.study == "ds002748"
    found = examples(built(config, folder.parent, tmp_path / "tfds"), "train")
    assert [(e["participant"].decode(), int(e["label"])) for e in found] == list(zip(people, [1, 1, 0], strict=True))
    assert [e["age"] for e in found] == [float(row.split("\t")[1]) for row in chosen]
    np.testing.assert_allclose([e["spacing_mm"] for e in found], 1, rtol=1e-5)
