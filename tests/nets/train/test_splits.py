import numpy as np

from nets.train.splits import parts


def test_a_name_is_always_in_the_same_part():
    names = [f"{age}_0_1_2017.jpg" for age in range(2000)]
    whole = parts(names)
    assert (parts(names[::-1])[::-1] == whole).all()
    shares = [np.mean(whole == part) for part in ("test", "check", "train")]
    np.testing.assert_allclose(shares, [0.2, 0.1, 0.7], atol=0.03)


def test_the_rule_does_not_change():
    names = ["1_0_0_20161219140623097.jpg.chip.jpg", "a", "b", "c", "d", "e", "f", "g"]
    assert parts(names).tolist() == [
        "test",
        "train",
        "check",
        "test",
        "test",
        "check",
        "test",
        "train",
    ]
