"""ONNX Runtime sessions, devices, weights and their manifest.

The only package that loads a model file. What a net is for belongs to `nets.detectors` and
`nets.embedders`.
"""
