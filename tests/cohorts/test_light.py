"""Reading a table of people costs no seconds of imports."""

import subprocess
import sys

HEAVY = ("keras", "matplotlib", "nibabel", "openpyxl", "pandas", "scipy", "sklearn", "tensorflow", "xlrd")


def test_importing_is_light():
    script = f"import sys, keras_neurovit.cohorts; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
