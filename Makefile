# Everything a fresh machine with Python, pip and make needs. PYTHON=python3.12 chooses another interpreter.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
export TF_CPP_MIN_LOG_LEVEL ?= 3

# The rooms that run on every backend; PyTorch too, where it is installed (pip install torch).
AGNOSTIC := tests/layers tests/models tests/augmentation tests/presets tests/training/test_strategy.py \
	tests/training/test_gradient_checkpointing.py
# Runs that are killed and go on, and what stops them: whatever a backend keeps outside of a model must come back.
RESUMED := tests/training/test_options.py tests/training/test_batches.py

.PHONY: demo test lint bench clean

demo: $(VENV)/.installed
	$(RUN)/python examples/ad_classification.py --out demo_output

test: $(VENV)/.installed
	$(RUN)/python -m pytest
	KERAS_BACKEND=jax $(RUN)/python -m pytest $(AGNOSTIC) $(RESUMED) tests/synthesis/test_generator.py
	if $(RUN)/python -c "import torch" 2>/dev/null; then KERAS_BACKEND=torch $(RUN)/python -m pytest $(AGNOSTIC); fi

lint: $(VENV)/.installed
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/lint-imports

bench: $(VENV)/.installed
	$(RUN)/python -m benchmarks synthesis

$(VENV)/.installed: setup.cfg constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --upgrade pip
	$(RUN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) demo_output build dist *.egg-info
