"""Both heads trained in turn, for real, on made-up features."""

import numpy as np
import pytest

from nets.train import checkpoint
from nets.train.alternate import Alternating, Labelled, Schedule, freeze_base
from nets.train.heads import label_distribution

pytestmark = pytest.mark.train

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")


class Table:
    """Inputs that are the same in each epoch."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def batch(self, rows, epoch):
        return self.values[rows]


def tiny(seed=0, dropout=0.2):
    """Return a net like the heads of the MobileNet, with a base before them."""
    keras.utils.set_random_seed(seed)
    pixels = keras.Input((6,), name="pixels")
    x = keras.layers.Dense(8, activation="relu", name="base")(pixels)
    x = keras.layers.Dense(16, activation="relu", name="feats")(x)
    x = keras.layers.Dropout(dropout, name="feats_dropout")(x)
    outputs = {
        "age": keras.layers.Dense(100, activation="softmax", name="age_pred")(x),
        "male": keras.layers.Dense(1, activation="sigmoid", name="gender_pred")(x),
    }
    return keras.Model(pixels, outputs)


def data(n=200, seed=0):
    random = np.random.default_rng(seed)
    ages, male = random.integers(1, 80, n), random.integers(0, 2, n)
    values = random.normal(0, 0.1, (n, 6)).astype(np.float32)
    values[:, 0] += ages / 40
    values[:, 1] += male
    inputs = Table(values)
    return {
        "age": Labelled(inputs, label_distribution(ages.astype(float))),
        "gender": Labelled(inputs, male.astype(np.float32)[:, None]),
    }


def weights(model):
    return {v.path: np.asarray(v).copy() for v in model.weights}


def moved(before, after):
    return {path.split("/")[0] for path in before if (before[path] != after[path]).any()}


@pytest.mark.parametrize(
    ("task", "frozen", "expected"),
    [
        ("age", True, {"feats", "age_pred"}),
        ("gender", True, {"feats", "gender_pred"}),
        ("age", False, {"base", "feats", "age_pred"}),
        ("gender", False, {"base", "feats", "gender_pred"}),
    ],
)
def test_a_batch_moves_its_own_head_and_the_shared_layer_and_nothing_else(task, frozen, expected):
    model = tiny()
    freeze_base(model, frozen=frozen)
    training = Alternating(model, data(), Schedule(steps=50, batch=32, rate=0.01))
    for other in ("age", "gender", "age"):
        training.batch(other)  # Momentum of both tasks, which must not move the other's head.
    before = weights(model)
    training.batch(task)
    assert moved(before, weights(model)) == expected


def test_both_heads_learn():
    model = tiny(dropout=0.0)
    made = data(600)
    for _, losses in Alternating(model, made, Schedule(400, batch=64, rate=0.01)).train():
        last = losses
    assert set(last) == {"age", "gender"}
    said = model.predict(made["age"].inputs.values, verbose=0)
    ages, truth = (p @ np.arange(1, 101) for p in (said["age"], made["age"].target))
    assert np.abs(ages - truth).mean() < np.abs(truth - truth.mean()).mean() / 2
    assert ((said["male"] > 0.5) == (made["gender"].target > 0.5)).mean() > 0.95


def test_each_epoch_shows_each_face_once_in_another_order():
    training = Alternating(tiny(), data(100), Schedule(steps=9, batch=25))
    first, second = (
        np.concatenate([training.rows("age", step)[0] for step in range(at, at + 4)])
        for at in (0, 4)
    )
    assert sorted(first) == sorted(second) == list(range(100))
    assert first.tolist() != second.tolist()
    assert [training.rows("gender", step)[1] for step in (0, 3, 4)] == [0, 0, 1]


def test_training_that_was_killed_ends_with_the_same_weights(tmp_path):
    schedule, about = Schedule(steps=12, batch=32, rate=0.01), {"data": "made up"}
    undisturbed = Alternating(tiny(), data(), schedule)
    for _ in undisturbed.train():
        pass
    file = tmp_path / "some" / "checkpoint.npz"
    killed = Alternating(tiny(), data(), schedule)
    for step, _ in killed.train():
        if step == 5:
            checkpoint.save(file, killed, about)
        if step == 7:
            break
    again = Alternating(tiny(seed=9), data(), schedule)
    assert checkpoint.resume(file, again, about)
    assert [step for step, _ in again.train()] == list(range(6, 13))
    for path, expected in undisturbed.state().items():
        np.testing.assert_array_equal(again.state()[path], expected, err_msg=path)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    file = tmp_path / "checkpoint.npz"
    training = Alternating(tiny(), data(), Schedule(steps=2))
    assert not checkpoint.resume(file, training, {})
    checkpoint.save(file, training, {"how": Schedule(steps=2)})
    assert checkpoint.resume(file, training, {"how": Schedule(steps=2)})
    with pytest.raises(checkpoint.OtherTrainingError, match="other settings"):
        checkpoint.resume(file, training, {"how": Schedule(steps=3)})


def test_curves_can_be_read_as_tensorboard_reads_them(tmp_path):
    import tensorflow as tf

    from nets.train.tensorboard import Curves

    with Curves(tmp_path / "logs") as curves:
        curves.add(1, {"loss/age": 2.5})
        curves.add(2, {"loss/age": 2.0})
    (file,) = (tmp_path / "logs").glob("events.out.tfevents.*")
    events = [
        tf.compat.v1.Event.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(file))
    ]
    assert events[0].file_version == "brain.Event:2"
    points = [(e.step, e.summary.value[0].tag, e.summary.value[0].simple_value) for e in events[1:]]
    assert points == [(1, "loss/age", 2.5), (2, "loss/age", 2.0)]
