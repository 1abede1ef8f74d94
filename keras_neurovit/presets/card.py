"""The model card of a preset: a skeleton with what is known, and gaps for what only its author knows."""

from __future__ import annotations

import re
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit._notice import NOT_A_DEVICE
from keras_neurovit.presets.preset import Preset

GAP = "TO BE WRITTEN"
QUESTIONS = (
    ("Intended use", "for whom, for which question, and for what not"),
    ("Learnt from", "which data, how many people, from which scanners; age, sex, diagnoses; how labels were made"),
    ("Measured", "on whom, with which intervals, and beside which baseline"),
    ("Limits", "where it is known or likely to be wrong"),
)


def card(preset: Preset) -> str:
    """The text of a card, with the hub's header."""
    volume, weights = preset.volume, preset.weights
    shape, edges = "×".join(map(str, volume.shape)), "×".join(f"{edge:g}" for edge in volume.spacing_mm)
    lines = [
        "---",
        f"license: {weights.licence.lower() if weights else 'other'}",
        "library_name: keras",
        "tags: [keras-neurovit, mri, neuroimaging]",
        "---",
        f"# {preset.name}",
        preset.description,
        "",
        f"- Architecture: `{preset.model}`, {weights.parameters if weights else 0:,} parameters",
        f"- Reads: {shape} voxels of {edges} mm, {'brain-extracted' if volume.brain_extracted else 'with skull'}",
        f"- Outputs: {', '.join(preset.labels) or 'no labels'}",
        f"- To cite: {preset.citation or GAP}",
        "- In KerasHub: `keras_neurovit.presets.register_backbone()`, then `keras_hub.models.Backbone.from_preset(…)`",
        "",
        NOT_A_DEVICE,
        "",
    ]
    for title, hint in QUESTIONS:
        lines += [f"## {title}", f"{GAP}: {hint}.", ""]
    return "\n".join(lines)


def refuse_gaps(file: Path) -> None:
    """Stop before a card is published that says nothing.

    Raises:
        InputError: no card, or one with gaps; names the sections.
    """
    if not file.is_file():
        raise InputError(f"{file}: there is no model card", mend="Write one: save_to_preset leaves a skeleton.")
    sections = re.split(r"^#+ ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    gaps = [section.splitlines()[0] for section in sections[1:] if GAP in section]
    if gaps:
        raise InputError(f"{file}: still has gaps", "text", ", ".join(gaps), f"Replace every {GAP!r}.")
