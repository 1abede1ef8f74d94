# Everything a fresh machine with Python, pip and make needs. PYTHON=python3.12 chooses another interpreter.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo test lint clean

demo: $(VENV)/.installed
	$(RUN)/python examples/ad_classification.py --out demo_output

test: $(VENV)/.installed
	$(RUN)/python -m pytest
	KERAS_BACKEND=jax $(RUN)/python -m pytest tests/layers tests/models tests/augmentation tests/presets

lint: $(VENV)/.installed
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/lint-imports

$(VENV)/.installed: setup.cfg constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --upgrade pip
	$(RUN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) demo_output build dist *.egg-info
