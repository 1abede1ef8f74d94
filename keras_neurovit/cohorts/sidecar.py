"""What the JSON file beside a scan tells of it."""

from __future__ import annotations

import json
from pathlib import Path


def field_strength(scan: str | Path) -> str:
    """Tesla from a scan's BIDS sidecar, "" where there is none or it does not tell.

    Source: Brain Imaging Data Structure 1.10, "Magnetic resonance imaging", MagneticFieldStrength.

    Example:
        >>> scan = folder / "a_T1w.nii.gz"
        >>> _ = (folder / "a_T1w.json").write_text('{"MagneticFieldStrength": 1.5}')
        >>> field_strength(scan), field_strength(folder / "b_T1w.nii.gz")
        ('1.5', '')
    """
    sidecar = Path(scan).with_name(Path(scan).name.split(".")[0] + ".json")
    try:
        tesla = json.loads(sidecar.read_text(encoding="utf-8")).get("MagneticFieldStrength")
    except (OSError, ValueError, AttributeError):
        return ""
    return str(tesla) if isinstance(tesla, int | float) else ""
