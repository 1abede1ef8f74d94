import sys

import pytest

from keras_neurovit import InputError
from keras_neurovit.training import tracker


@pytest.mark.parametrize("service", ["mlflow", "wandb"])
def test_a_service_whose_package_is_absent(service, monkeypatch):
    monkeypatch.setitem(sys.modules, service, None)  # as Python marks what cannot be imported
    with pytest.raises(InputError, match=rf"{service} is not installed .*keras-neurovit\[{service}\]"):
        tracker(service)


def test_mlflow_keeps_what_a_run_logs(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a database, its default, needs more than its light package
    mlflow = pytest.importorskip("mlflow")
    import keras
    import numpy as np

    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with mlflow.start_run() as run:
        model.fit(np.ones((4, 3)), np.ones((4, 1)), epochs=2, verbose=0, callbacks=[tracker("mlflow")])
    assert "loss" in mlflow.get_run(run.info.run_id).data.metrics
