"""The builder that TensorFlow Datasets knows by the name keras_neurovit: one configuration a cohort."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import tensorflow_datasets as tfds

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import Cohort, load, person_hash, side_of
from keras_neurovit.cohorts.flow import Step
from keras_neurovit.cohorts.notes import some
from keras_neurovit.data.tfds.configs import CONFIGS, CohortConfig
from keras_neurovit.data.tfds.examples import features, imaged, tabled
from keras_neurovit.data.tfds.published import unpublished
from keras_neurovit.volumes.contract import CODE_VERSION

AHEAD = 4  # volumes a thread that may wait to be written


class KerasNeurovit(tfds.core.GeneratorBasedBuilder):
    """Conformed T1 volumes of a cohort with who each person is, split by person.

    `builder.info.metadata` tells, beside the data: hashes of the people on each side (`cohorts.person_hash`; of studies
    with public ids also `published(study)`, without a build), the flow of scans (what was found, left out and why,
    assumed), the contract, the seed. A scan that cannot be read is left
    out, named on standard error and counted in the flow.

    Raises:
        InputError: a folder that looks otherwise than the instructions say, or a side without people.

    Example:
        import keras_neurovit.data.tfds, tensorflow_datasets as tfds
        where = tfds.download.DownloadConfig(manual_dir="/data")  # with /data/oasis1
        train = tfds.load("keras_neurovit/oasis1", split="train", as_supervised=True,
                          download_and_prepare_kwargs={"download_config": where})
        model.fit(train.shuffle(200).batch(8), shuffle=False)
        mine = CohortConfig(name="my_study", reader="bids", target="group", labels=("control", "patient"))
        tfds.load("keras_neurovit", builder_kwargs={"config": mine}, download_and_prepare_kwargs=…)  # of /data/my_study
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}  # noqa: RUF012 (TFDS' own name and kind)
    BUILDER_CONFIGS = CONFIGS

    @property
    def MANUAL_DOWNLOAD_INSTRUCTIONS(self) -> str | None:
        """What to request and where to put it, of this cohort."""
        return self.builder_config.manual

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.builder_config.description,
            features=features(self.builder_config),
            supervised_keys=("volume", "label"),
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        config: CohortConfig = self.builder_config
        how = {"labels": config.labels, "missing": "drop", **config.options}
        cohort = load(config.reader, _folder(config, dl_manager), config.target, **how)
        sides = _sides(cohort, config)
        hashes = {
            side: sorted({person_hash(config.study, person) for person in one.participants})
            for side, one in sides.items()
        }
        flow = [*cohort.flow]
        if others := unpublished(config.study, sorted(set(cohort.participants.tolist()))):
            flow.append(Step("noted", 0, f"not in the published list of {config.study}: {some(others)}"))
        self.info.metadata.update(
            study=config.study,
            seed=config.seed,
            fractions=dict(config.fractions),
            people=hashes,
            contract={**config.contract.to_dict(), "code_version": CODE_VERSION},
            flow=[asdict(step) for step in flow],
        )
        return {side: self._generate_examples(one) for side, one in sides.items()}

    def _generate_examples(self, cohort: Cohort) -> Iterator[tuple[int, dict]]:
        config, rows, unreadable = self.builder_config, tabled(cohort), []

        def make(path: Path):
            try:
                return imaged(path, config)
            except InputError as error:
                return error

        workers = os.cpu_count() or 1
        with ThreadPoolExecutor(workers) as threads:
            places = iter(range(len(cohort)))
            # A part at a time: volumes of a whole cohort would not fit into memory.
            while part := list(itertools.islice(places, AHEAD * workers)):
                for place, made in zip(part, threads.map(make, [cohort.paths[p] for p in part]), strict=True):
                    if isinstance(made, InputError):
                        print(f"left out: {made}", file=sys.stderr)
                        unreadable.append(cohort.paths[place].name)
                        continue
                    found, warnings = made
                    for warning in warnings:
                        print(f"warning: {cohort.paths[place]}: {warning}", file=sys.stderr)
                    yield place, rows[place] | found
        if unreadable:
            step = Step("left out", len(unreadable), f"cannot be read: {', '.join(unreadable)}")
            self.info.metadata["flow"].append(asdict(step))
        if len(unreadable) == len(cohort):
            raise InputError(f"{cohort.source}: no scan of a side can be read", expected="at least one")


def _folder(config: CohortConfig, dl_manager: tfds.download.DownloadManager) -> Path:
    """Where the cohort lies: made now, or below manual_dir, or manual_dir itself."""
    if config.make is not None:
        return Path(config.make(Path(dl_manager.download_dir) / config.name))
    manual = Path(dl_manager.manual_dir)
    return manual / config.study if (manual / config.study).exists() else manual


def _sides(cohort: Cohort, config: CohortConfig) -> dict[str, Cohort]:
    drawn = [side_of(config.study, person, config.fractions, config.seed) for person in cohort.participants]
    for side in config.fractions:
        if side not in drawn:
            raise InputError(
                f"{cohort.source}: nobody falls to the side {side!r}",
                expected="people on every side",
                received=f"{len(set(cohort.participants))} in all",
                mend='Give a config of your own with other fractions or another seed, such as {"train": 1.0}.',
            )
    return {side: cohort.subset([one == side for one in drawn]) for side in config.fractions}
