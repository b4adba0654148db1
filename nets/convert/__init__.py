"""Conversion of published weights to ONNX: ``python -m nets.convert``. Never needed at run time."""
