"""ONNX Runtime is loaded with its telemetry off, whatever the environment says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# The variable as C code sees it, which is what ONNX Runtime reads.
SEEN = """
import ctypes
from nets.runtime import models
models.open_session(models.load_manifest()["pnet"])
getenv = ctypes.CDLL(None).getenv
getenv.restype = ctypes.c_char_p
print(getenv(b"ORT_DISABLE_TELEMETRY"))
"""
CHILD = """
import multiprocessing, os
import nets.runtime.ort

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.apply(os.getenv, ["ORT_DISABLE_TELEMETRY"]))
"""
EARLY = """
import sys, types
sys.modules["onnxruntime"] = types.ModuleType("onnxruntime")  # as if a caller had imported it
import nets.runtime.ort, nets.runtime.ort, os
print(os.environ["ORT_DISABLE_TELEMETRY"])
"""


def python(*words, variable):
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    environment["PYTHONPATH"] = str(ROOT)
    if variable is not None:
        environment["ORT_DISABLE_TELEMETRY"] = variable
    command = [sys.executable, *map(str, words)]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )


@pytest.mark.skipif(sys.platform == "win32", reason="asks the C library of Unix")
@pytest.mark.parametrize("variable", [None, "0", "", "1"])
def test_telemetry_is_off_when_a_net_is_opened(variable):
    done = python("-c", SEEN, variable=variable)
    assert done.stdout.strip() == "b'1'"
    assert done.stderr == ""


def test_processes_started_afterwards_have_it_off(tmp_path):
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    done = python(script, variable="0")
    assert done.stdout.strip() == "1"


@pytest.mark.parametrize("variable", [None, "0"])
def test_an_earlier_import_with_telemetry_on_is_warned_of_once(variable):
    done = python("-c", EARLY, variable=variable)
    assert done.stdout.strip() == "1"
    assert done.stderr.count("RuntimeWarning") == 1
    assert "set ORT_DISABLE_TELEMETRY=1 in the environment before" in done.stderr


def test_an_earlier_import_with_telemetry_off_is_fine():
    assert python("-c", EARLY, variable="1").stderr == ""
