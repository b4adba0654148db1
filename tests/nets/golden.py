"""What the original nets say of three generated images.

`golden.npz` holds the outputs of the Keras definition in `nets/arch/mobilenet.py` with the
published weights (`test_parity_keras.py` computes them again) and of dlib 20.0.1 with its own
`dlib_face_recognition_resnet_model_v1.dat` (PyPI face-recognition-models 0.3.0), scaled to unit
length, on `images(224)` and `images(150)`.
"""

from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("golden.npz")


def images(size):
    """Three smooth, colourful images, uint8 (3, size, size, 3), the same at every size."""
    x, y = np.meshgrid(*[(np.arange(size) + 0.5) / size] * 2)
    rng = np.random.default_rng(7)
    made = []
    for _ in range(3):
        a, b, phase = rng.uniform(-9, 9, (3, 3, 4))
        waves = np.sin(a[:, :, None, None] * x + b[:, :, None, None] * y + phase[..., None, None])
        made.append(127.5 + 127.5 * np.tanh(waves.sum(axis=1)))
    return np.stack(made).transpose(0, 2, 3, 1).astype(np.uint8)
