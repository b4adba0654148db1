"""Blocks of one net on the maps of another."""

import numpy as np
import pytest

from nets.train.align import Pairs, align, kept_pairs, look, refitted
from tests.nets.train.test_features import NETS, paths, read


def test_a_kernel_is_fitted_to_what_it_gave_on_other_inputs():
    random = np.random.default_rng(0)
    kernel, bias = random.normal(0, 1, (6, 4)), random.normal(0, 1, 4)
    before = random.normal(0, 1, (500, 6))
    mixed = before * random.uniform(0.5, 2, 6) + 0.5
    fitted, shift = refitted(mixed, before @ kernel + bias, kernel, bias)
    np.testing.assert_allclose(mixed @ fitted + shift, before @ kernel + bias, atol=0.05)
    assert np.abs(mixed @ kernel + bias - before @ kernel - bias).max() > 1


def test_a_kernel_that_fits_stays():
    random = np.random.default_rng(0)
    kernel, bias, x = random.normal(0, 1, (3, 2)), np.ones(2), random.normal(0, 1, (50, 3))
    fitted, shift = refitted(x, x @ kernel + bias, kernel, bias)
    np.testing.assert_allclose(fitted, kernel, atol=1e-6)
    np.testing.assert_allclose(shift, bias, atol=1e-6)


def test_each_face_is_looked_at_as_it_is_and_changed_and_kept(tmp_path):
    found = look(paths(100, 0, 200), read, NETS)
    assert found.own.shape == found.teacher.shape == (4, 2, 3, 3)
    np.testing.assert_array_equal(found.own[0], found.teacher[0])
    kept_pairs(tmp_path / "pairs.npz", lambda: found)
    again = kept_pairs(tmp_path / "pairs.npz", lambda: pytest.fail("computed again"))
    np.testing.assert_array_equal(again.own, found.own)


@pytest.mark.train
def test_blocks_give_on_mixed_maps_about_what_they_gave():
    pytest.importorskip("tensorflow")
    from nets.arch.heads import age_gender_head, parted, start_from
    from nets.runtime.models import WEIGHTS
    from nets.train.shipped import shipped_weights

    model = age_gender_head(ages="softmax", blocks=True)
    start_from(model, shipped_weights(WEIGHTS / "faceres-deep.onnx"))
    random = np.random.default_rng(0)
    teacher = np.clip(random.normal(0, 1, (24, 512, 14, 14)), 0, 6).astype(np.float16)
    own = np.clip(teacher * 0.5 + 0.2, 0, 6).astype(np.float16)
    blocks, _ = parted(model)
    last = [np.ascontiguousarray(maps.transpose(0, 2, 3, 1), np.float32) for maps in (own, teacher)]
    wanted, before = blocks.predict([last[1]], verbose=0), blocks.predict([last[0]], verbose=0)
    left = align(model, Pairs(own, teacher))
    after = blocks.predict([last[0]], verbose=0)
    assert list(left) == ["conv_pw_10", "conv_pw_11", "conv_pw_12", "conv_pw_13"]
    assert np.abs(after - wanted).mean() < np.abs(before - wanted).mean() / 3
