"""ONNX Runtime imported directly, to show what `nets.runtime` prevents (see `test_network.py`)."""

import sys
import time

import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
time.sleep(float(sys.argv[2]))
