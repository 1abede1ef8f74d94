"""What a preset is: a frozen description that reads and writes as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from keras_neurovit._checks import InputError
from keras_neurovit.presets.views import MOVES
from keras_neurovit.volumes import VolumeContract

FORMAT = 1  # of preset.json; a reader of a later format keeps reading this one


@dataclass(frozen=True, slots=True)
class Weights:
    """The file of a preset's weights.

    Args:
        sha256: of the file.
        parameters: numbers in it.
        licence: SPDX identifier.
        file: name inside the preset's folder.
        shards: where the weights are in several files, which `file` then lists: their names and SHA-256.

    Raises:
        InputError: a name that leads out of the folder.
    """

    sha256: str
    parameters: int
    licence: str
    file: str = "model.weights.h5"
    shards: Mapping = field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "shards", MappingProxyType(dict(self.shards)))
        for name in self.all_files:
            if name != Path(name).name or "\\" in name:
                raise InputError(f"weights file {name!r} is no name in the preset's folder")

    @property
    def all_files(self) -> tuple[str, ...]:
        """Names of the files that hold the weights."""
        return (self.file, *self.shards)

    def to_dict(self) -> dict:
        """Plain values for JSON; a file without shards has no field for them, as before there were any."""
        values = {"sha256": self.sha256, "parameters": self.parameters, "licence": self.licence, "file": self.file}
        return values | ({"shards": dict(self.shards)} if self.shards else {})


@dataclass(frozen=True, slots=True)
class Preset:
    """A named model: its architecture, what it reads, what its outputs mean and where its weights are.

    Args:
        name: `<family>_<task>[_<size>]`.
        description: one sentence.
        model: name of the backbone's function in `keras_neurovit.models`.
        arguments: keyword arguments of that function, except `volume_shape`, which is the volume contract's.
        head: keyword arguments of `keras_neurovit.models.classifier`, except `num_classes`; with "kind":
            "structures", of `measurer`.
        labels: meaning of each output, in order; empty where there is no head.
        volume: what the model reads.
        weights: their file, or None for an architecture without weights.
        citation: what to cite.
        calibration: what makes its probabilities right, as `evaluation.fit_calibration` gives it; None where nothing
            was fitted.
        fingerprint: range of each of the `intensities` of the scans it was trained on; empty where it is not known.
        views: how many views of a scan are averaged where it is predicted or measured: 1, or 7 (`mean_over_views`).
        augmentation: name of the policy to fine-tune it with; None where none was tried.
        folder: where the preset was found.
    """

    name: str
    description: str
    model: str
    arguments: Mapping
    volume: VolumeContract
    head: Mapping = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    weights: Weights | None = None
    citation: str = ""
    calibration: Mapping | None = None
    fingerprint: Mapping = field(default_factory=dict)
    views: int = 1
    augmentation: str | None = None
    folder: Path | None = None

    def __post_init__(self):
        object.__setattr__(self, "arguments", MappingProxyType(dict(self.arguments)))
        object.__setattr__(self, "head", MappingProxyType(dict(self.head)))
        object.__setattr__(self, "fingerprint", MappingProxyType(dict(self.fingerprint)))
        object.__setattr__(self, "labels", tuple(self.labels))
        if self.views not in MOVES:
            raise InputError(f"preset {self.name!r}: no such number of views", tuple(MOVES), self.views)

    @property
    def measures(self) -> bool:
        """Whether the outputs are volumes of structures, mm³, rather than scores of classes."""
        return self.head.get("kind") == "structures"

    @property
    def class_head(self) -> dict:
        """Keyword arguments of `models.classifier` for new classes: the preset's head, or one on what it measures."""
        if not self.measures:
            return dict(self.head)
        return {"pooling": "structures", "structures": {k: v for k, v in self.head.items() if k != "kind"}}

    @property
    def weights_path(self) -> Path | None:
        """The file of the weights, or None."""
        return self.folder / self.weights.file if self.weights and self.folder else None

    def to_json(self) -> str:
        """The text of `preset.json`."""
        values = {
            "format": FORMAT,
            "name": self.name,
            "description": self.description,
            "model": self.model,
            "arguments": dict(self.arguments),
            "head": dict(self.head),
            "labels": list(self.labels),
            "volume": self.volume.to_dict(),
            "weights": self.weights.to_dict() if self.weights else None,
            "citation": self.citation,
            **({"fingerprint": dict(self.fingerprint)} if self.fingerprint else {}),
        }
        if self.views > 1:
            values["views"] = self.views
        if self.augmentation:
            values["augmentation"] = self.augmentation
        if self.calibration:
            values["calibration"] = dict(self.calibration)
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, file: Path) -> Preset:
        """Read a `preset.json`.

        Raises:
            InputError: not JSON, a later format, a missing, an unknown or an unusable field; names the file.
        """
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            mend = "Restore the preset's folder from its source."
            raise InputError(f"{file}: cannot be read as JSON ({error})", mend=mend) from None
        if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
            mend = "Update keras-neurovit, if the preset is newer than it."
            raise InputError(f"{file}: not a preset of format {FORMAT}", mend=mend)
        try:
            weights = values.pop("weights")
            volume = VolumeContract.from_dict(values.pop("volume"))
            return cls(**values, volume=volume, weights=Weights(**weights) if weights else None, folder=file.parent)
        except (KeyError, TypeError) as error:
            raise InputError(f"{file}: a field is missing or unknown ({error})") from None
        except InputError as error:
            raise InputError(f"{file}: {error.what}", error.expected, error.received, error.mend) from None
