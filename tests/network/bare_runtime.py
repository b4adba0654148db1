"""ONNX Runtime imported directly, to show what `nets.runtime.ort` prevents."""

import sys
import time

import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
time.sleep(float(sys.argv[2]))
