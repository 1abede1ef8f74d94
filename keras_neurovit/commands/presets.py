"""Commands on presets: presets, verify, export."""

from __future__ import annotations

import argparse
import os
import sys

from keras_neurovit.commands.printing import print_table


def presets(options: argparse.Namespace) -> int:
    """List the shipped presets."""
    from keras_neurovit.presets import list_presets, load_preset

    described = [load_preset(name) for name in list_presets()]
    if options.json:
        print("[" + ",\n".join(preset.to_json() for preset in described) + "]")
        return 0
    print_table(
        ["preset", "labels", "volume", "weights", "description"],
        [
            [
                preset.name,
                ", ".join(preset.labels) or "–",
                f"{'×'.join(map(str, preset.volume.shape))} at {preset.volume.spacing_mm[0]:g} mm",
                f"{preset.weights.parameters / 1e6:.1f} M" if preset.weights else "none",
                preset.description,
            ]
            for preset in described
        ],
    )
    return 0


def verify(options: argparse.Namespace) -> int:
    """Rerun golden volumes and compare."""
    from keras_neurovit.presets import list_presets, load_preset, verify

    with_weights = [name for name in list_presets() if load_preset(name).weights]
    verdicts = [verify(preset) for preset in options.presets or with_weights]
    for verdict in verdicts:
        word = "agrees" if verdict.passed else "DIFFERS"
        print(f"{verdict.preset} on {verdict.backend}: {word}, largest difference {verdict.difference:.1e}")
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def export(options: argparse.Namespace) -> int:
    """Write a preset for another runtime, from TensorFlow's graph whatever backend is set."""
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    from keras_neurovit.export import export_preset

    done = export_preset(options.preset, options.out, options.format)
    print(f"{done.file}: agrees with Keras, largest difference {done.difference:.1e}")
    return 0
