"""Commands whose result is looked at: explain, report."""

from __future__ import annotations

import argparse
import sys

from keras_neurovit._notice import NOT_A_DEVICE
from keras_neurovit.commands.printing import print_table


def explain(options: argparse.Namespace) -> int:
    """Write a map, and a table of regions beside it."""
    from keras_neurovit.evaluation.explanations import explain_scan, write_regions
    from keras_neurovit.presets import load_preset
    from keras_neurovit.volumes import conform_and_check, read_scan

    preset = load_preset(options.preset)
    for warning in conform_and_check(read_scan(options.scan), preset.volume, preset.fingerprint)[1]:
        print(f"warning: {options.scan}: {warning}", file=sys.stderr)
    how = {"method": options.method, "label": options.label, "label_map": options.regions}
    found = explain_scan(options.scan, preset, options.out, **how)
    print(f"{found.path}: {found.method} of {found.label}, score {found.score:.3f}")
    if found.regions:
        name = options.out.name.removesuffix(".gz").removesuffix(".nii")
        print(write_regions(options.out.with_name(f"{name}_regions.tsv"), found.regions))
        rows = [[r.name, f"{r.volume_ml:.1f} ml", f"{r.share:.1%}", f"{r.peak:+.3g}"] for r in found.regions[:12]]
        print_table(["region", "volume", "share", "peak"], rows)
    print(NOT_A_DEVICE, file=sys.stderr)
    return 0


def report(options: argparse.Namespace) -> int:
    """Write a page about a table of predictions, or about a scan."""
    from keras_neurovit.evaluation.report import report_cohort, report_scan

    if options.source.suffix.lower() in (".csv", ".tsv"):
        from keras_neurovit.commands.known import known_people_of
        from keras_neurovit.evaluate import people_in

        page = report_cohort(
            options.source,
            options.out,
            cohort=options.cohort,
            preset=options.preset,
            positive=options.label,
            threshold=options.threshold,
            validation=options.validation,
            leaked=known_people_of(options, people_in(options.source), str(options.source)),
            scaling=options.scaling,
            scans=options.scans,
            method=options.method,
        )
    else:
        how = {"method": options.method, "label": options.label, "label_map": options.regions}
        page = report_scan(
            options.source, options.preset or "vit3d_ad", options.out, predictions=options.predictions, **how
        )
    print(page)
    return 0
