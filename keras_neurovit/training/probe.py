"""Fit a head alone, exactly, before anything else learns."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from keras_neurovit._checks import InputError

FOLDS = 5  # in which a strength is chosen


def probe(
    model: keras.Model,
    volumes,
    targets,
    *,
    strength: float | Sequence[float] = 1.0,
    class_weight: str | None = "balanced",
    participants=None,
) -> None:
    """Set a classifier's head to the logistic regression of the targets on what the layers before it say.

    Fine-tuning that starts from a random head first spoils what pre-training knew; one that starts from the best head
    there is has less to change.

    Args:
        model: with a layer `head` that is dense, for example from `from_preset(name, num_classes=2)`.
        volumes: array (n, x, y, z, channel), or anything that `model.predict` takes.
        targets: (n,) places of the classes, from 0.
        strength: scikit-learn's C; smaller holds the head nearer to zero. Of several, that is taken which ranks people
            best (area under the curve) in cross-validation among those who are learnt from.
        class_weight: "balanced" counts every class alike; None counts every scan alike.
        participants: whose scan each is, so that nobody's stand in two folds; None where everybody has one.

    Raises:
        InputError: a head that is not dense, classes that are missing among the targets, or too few people of one to
            choose among strengths.

    Source: probing before fine-tuning, Kumar et al. 2022 (arXiv 2202.10054), section 4.

    Example:
        >>> from keras_neurovit.models import classifier, vit3d
        >>> backbone = vit3d((8, 12, 20), (4, 4, 4), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
        >>> probe(classifier(backbone, 2), np.random.default_rng(0).normal(size=(6, 8, 12, 20, 1)), [0, 1, 0, 1, 0, 1])
    """
    head, targets = model.get_layer("head"), np.asarray(targets)
    if not isinstance(head, keras.layers.Dense):
        mend = "Choose pooling 'mean', 'class', 'attention' or 'structures'."
        raise InputError("only a dense head can be probed", "keras.layers.Dense", type(head).__name__, mend)
    if sorted(set(targets.tolist())) != list(range(head.units)):
        raise InputError("targets are not the model's classes", f"each of 0 to {head.units - 1}", sorted(set(targets)))
    features = keras.Model(model.input, head.input).predict(volumes, verbose=0)
    people = np.arange(len(targets)) if participants is None else np.asarray(participants)
    fitted = _fitted(features, targets, people, np.ravel(strength), class_weight)
    scaler, regression = fitted.named_steps.values()
    kernel = regression.coef_ / scaler.scale_
    bias = regression.intercept_ - kernel @ scaler.mean_
    if head.units == 2:  # scikit-learn scores the second class alone
        kernel, bias = np.concatenate([-kernel, kernel]) / 2, np.concatenate([-bias, bias]) / 2
    head.set_weights([kernel.T.astype("float32"), bias.astype("float32")])


def _fitted(features, targets, people, strengths, class_weight) -> Pipeline:
    """A standardising scaler and a logistic regression, of the strength that ranks best where there are several."""
    regression = LogisticRegression(C=strengths[0], class_weight=class_weight, max_iter=5000)
    both = make_pipeline(StandardScaler(), regression)
    if len(strengths) == 1:
        return both.fit(features, targets)
    fewest = min(len(np.unique(people[targets == label])) for label in np.unique(targets))
    if fewest < 2:
        mend = "Give one strength."
        raise InputError("too few people to choose a strength among", "2 or more of each class", fewest, mend)
    folds = StratifiedGroupKFold(min(FOLDS, fewest), shuffle=True, random_state=0)
    area = "roc_auc" if len(np.unique(targets)) == 2 else "roc_auc_ovr"
    # Ascending: where strengths rank alike, the smallest is taken.
    search = GridSearchCV(both, {"logisticregression__C": np.sort(strengths)}, scoring=area, cv=folds)
    return search.fit(features, targets, groups=people).best_estimator_
