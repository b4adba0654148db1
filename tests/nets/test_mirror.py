"""Mirrored nets: a face and its mirror image say the same, and still each face its own."""

import numpy as np

from nets.mirror import Mirrored


class Corner:
    """Looks at one corner of the chip only."""

    name, contract, crop = "corner", "c0", "box224"
    calls = 0

    def run(self, chips):
        self.calls += 1
        seen = chips[:, :2, :2].reshape(len(chips), 12).astype(np.float32) + 1
        length = np.linalg.norm(seen, axis=1, keepdims=True)
        return {"identity": seen / np.maximum(length, 1e-9), "male": seen[:, 0] / 256}


CHIPS = np.random.default_rng(1).integers(0, 255, (5, 8, 8, 3)).astype(np.uint8)


def test_a_face_and_its_mirror_image_say_the_same():
    net = Mirrored(Corner())
    plain, turned = net.run(CHIPS), net.run(CHIPS[:, :, ::-1])
    for name in ("identity", "male"):
        np.testing.assert_allclose(plain[name], turned[name], rtol=1e-6)
    assert np.ptp(plain["male"]) > 0


def test_vectors_keep_unit_length_and_probabilities_are_means():
    inner = Corner()
    said = Mirrored(inner).run(CHIPS)
    assert inner.calls == 2
    np.testing.assert_allclose(np.linalg.norm(said["identity"], axis=1), 1, rtol=1e-6)
    both = Corner().run(CHIPS)["male"], Corner().run(CHIPS[:, :, ::-1])["male"]
    np.testing.assert_allclose(said["male"], (both[0] + both[1]) / 2)


def test_no_faces_and_a_contract_of_its_own():
    net = Mirrored(Corner())
    assert net.run(CHIPS[:0])["identity"].shape == (0, 12)
    assert net.contract != Corner.contract
    assert net.name == "corner-mirrored"
