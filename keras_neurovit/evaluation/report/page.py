"""One HTML file that holds all it shows."""

from __future__ import annotations

import base64
import hashlib
import os
from importlib import resources
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit._files import published
from keras_neurovit._notice import NOT_A_DEVICE
from keras_neurovit._version import __version__


def write_page(path: str | os.PathLike, template: str, **content) -> Path:
    """Fill a template of this folder; every text that comes from a file is escaped.

    Args:
        path: where to write, ending in .html.
        template: its name.
        content: what the template asks for.

    Raises:
        InputError: Jinja is missing, the path is no .html.
    """
    path = Path(path)
    if path.suffix.lower() != ".html":
        raise InputError(f"{path}: is no page", "a name ending in .html", path.suffix or "no ending")
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise InputError("Jinja is not installed", mend='Run pip install "keras-neurovit[report]".') from error
    loader = PackageLoader("keras_neurovit.evaluation.report", "")
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    style, script = _asset("style.css"), _asset("viewer.js")
    text = pages.get_template(template).render(
        notice=NOT_A_DEVICE,
        version=__version__,
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        **content,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with published(path) as temporary:
        temporary.write_text(text.lstrip(), encoding="utf-8")
    return path


def _asset(name: str) -> str:
    return resources.files("keras_neurovit.evaluation.report").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """By which the page's own policy knows its script and style, and lets no other run."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
