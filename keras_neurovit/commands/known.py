"""People whom a model knows, before it is evaluated on them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable


def known_people_of(options: argparse.Namespace, participants: Iterable[str], source: str) -> list[str]:
    """Who of some people the model was trained on, by --train and --preset; refused unless --force.

    Args:
        options: with train, preset, force.
        participants: without "sub-".
        source: the table that they are evaluated in.
    """
    from keras_neurovit.evaluate import known_to, people_in, refuse_leaked

    participants = set(participants)
    trained = people_in(options.train) if options.train else []
    leaked = set(trained) & participants
    refuse_leaked(sorted(leaked), source, str(options.train), force=options.force)
    if options.preset:
        from keras_neurovit.presets import load_preset

        known = known_to(load_preset(options.preset), options.preset, participants, source, force=options.force)
        if known is None:
            told = f"{options.preset} does not tell whom it has learnt from: nobody was looked for in it"
            print(told, file=sys.stderr)
        leaked |= set(known or ())
    return sorted(leaked)
