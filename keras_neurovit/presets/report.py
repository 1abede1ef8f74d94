"""What became of every weight of a preset."""

from __future__ import annotations

from dataclasses import dataclass

from keras_neurovit.presets.preset import Preset


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one weight.

    Args:
        weight: its name, after the layers that it lies in.
        kind: "loaded" as stored, "resized", or "new" and random.
        shape: in the model.
        before: grid, or kernel with channels, that it was resized from.
        after: what it was resized to.

    Example:
        >>> str(Fate("backbone/position_embedding/table", "resized", (512, 192), (6, 7, 6), (8, 8, 8)))
        'backbone/position_embedding/table resized from 6×7×6 to 8×8×8'
    """

    weight: str
    kind: str
    shape: tuple[int, ...]
    before: tuple[int, ...] | None = None
    after: tuple[int, ...] | None = None

    def __str__(self) -> str:
        if self.kind == "resized":
            return f"{self.weight} resized from {_times(self.before)} to {_times(self.after)}"
        return f"{self.weight} {self.kind}{', random' if self.kind == 'new' else ''}"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What `from_preset` made of a preset: every weight of the model, once.

    Args:
        preset: description of the model that was built: its volume, arguments and head. With new classes it has no
            labels yet; `dataclasses.replace(report.preset, name=…, labels=…)` is what `save_to_preset` takes.
        fates: of the weights, in the order of the layers.
        notes: what else is not as it was, a sentence each.
    """

    preset: Preset
    fates: tuple[Fate, ...]
    notes: tuple[str, ...] = ()

    def of_kind(self, kind: str) -> tuple[Fate, ...]:
        """The weights that were "loaded", "resized" or are "new"."""
        return tuple(fate for fate in self.fates if fate.kind == kind)

    @property
    def changed(self) -> bool:
        """Whether anything is not as stored."""
        return bool(self.notes) or any(fate.kind != "loaded" for fate in self.fates)

    def summary(self) -> str:
        """A line of counts, one a weight that was resized or is new, and the notes."""
        kinds = ("loaded", "resized", "new")
        counts = ", ".join(f"{len(self.of_kind(kind))} {kind}" for kind in kinds)
        lines = [f"weights: {counts}", *(str(fate) for kind in kinds[1:] for fate in self.of_kind(kind)), *self.notes]
        return "\n".join(f"{self.preset.name}: {line}" for line in lines)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.fates), *self.notes])


def notes_on(old: Preset, new: Preset, new_classes: int) -> tuple[str, ...]:
    """What an adapted model sees and says otherwise than the preset it comes from."""
    found = [f"new head of {new_classes} classes, randomly initialised"] if new_classes else []
    if new.volume.extent_mm != old.volume.extent_mm:
        before, after = _mm(old.volume.extent_mm), _mm(new.volume.extent_mm)
        smaller = any(edge < other for edge, other in zip(new.volume.extent_mm, old.volume.extent_mm, strict=True))
        consequence = "; what of a head lies outside is cut off" if smaller else ""
        found.append(f"the box is now {after} instead of {before}{consequence}")
    patches = [_patch_mm(preset) for preset in (old, new)]
    if patches[0] != patches[1]:
        found.append(f"a patch is now {_mm(patches[1])} instead of {_mm(patches[0])}; the weights learnt the latter")
    return tuple(found)


def _patch_mm(preset: Preset) -> tuple[float, ...] | None:
    patch = preset.arguments.get("patch_size")
    if patch is None:
        return None
    patch = (patch,) * 3 if isinstance(patch, int) else patch
    return tuple(round(n * edge, 6) for n, edge in zip(patch, preset.volume.spacing_mm, strict=True))


def _times(sizes: tuple[int, ...]) -> str:
    return "×".join(map(str, sizes))


def _mm(edges: tuple[float, ...]) -> str:
    return "×".join(f"{edge:g}" for edge in edges) + " mm"
