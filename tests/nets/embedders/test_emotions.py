"""Emotion and gender of mini-Xception: what they say, and how well."""

import numpy as np
import pytest
from PIL import Image

from nets.core.api import EMOTIONS, Batch, Detections
from nets.core.crops import CROPS, FER_SIDE
from nets.embedders.embedders import MeanEmotions
from nets.engine import EMOTION_NETS, load_engine, with_emotions
from nets.fake import draw_face
from nets.runtime.models import OnnxNet, load_manifest
from tests.nets.data import arrays_in, data_folder, packages_folder
from tests.nets.expression_golden import FILE, computed
from tests.nets.golden import images

RANDOM = np.random.default_rng(5)


def faces(*boxes):
    n = len(boxes)
    landmarks = np.zeros((n, 5, 2), np.float32)
    return Detections(np.array(boxes, np.float32), landmarks, np.ones(n, np.float32))


def test_an_operator_that_is_not_known_is_refused():
    pytest.importorskip("onnx")
    from nets.convert.xception import build

    topology = b'{"weightsManifest":[],"modelTopology":{"node":[{"op":"LSTM","name":"x"}]}}'
    with pytest.raises(ValueError, match="LSTM"):
        build(topology, b"", name="x", output="y", column=None)


def head():
    return MeanEmotions([OnnxNet(load_manifest()[name]) for name in EMOTION_NETS])


def chips_of(images):
    """The same pictures as each net wants them."""
    return {
        net: np.stack([np.asarray(one.resize((size, size), 2)) for one in images])
        for net, size in (("face64", 64), ("face112", 112))
    }


def test_a_face_and_its_mirror_image_express_the_same():
    pixels = RANDOM.integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    chips = chips_of([Image.fromarray(one) for one in pixels])
    said = head().express(Batch(chips))
    turned = {name: np.ascontiguousarray(one[:, :, ::-1]) for name, one in chips.items()}
    assert said.shape == (3, 7)
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(said, head().express(Batch(turned)), atol=1e-5)
    nobody = {name: one[:0] for name, one in chips.items()}
    assert head().express(Batch(nobody)).shape == (0, 7)


def test_the_two_nets_have_the_same_say():
    chips = chips_of([Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8))])
    nets = [OnnxNet(load_manifest()[name]) for name in EMOTION_NETS]
    alone = [MeanEmotions([net]).express(Batch(chips)) for net in nets]
    both = MeanEmotions(nets)
    np.testing.assert_allclose(both.express(Batch(chips)), sum(alone) / 2, atol=1e-6)
    assert both.contract != MeanEmotions(nets[:1]).contract


def test_in_half_the_time_each_net_looks_once():
    image = Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    nets = [OnnxNet(load_manifest()[name]) for name in EMOTION_NETS]
    chips = chips_of([image])
    mirrored = np.ascontiguousarray(chips["face112"][:, :, ::-1])
    alone = nets[0].run(chips["face64"])["emotion"] + nets[1].run(mirrored)["emotion"]
    quick = MeanEmotions(nets, thorough=False)
    np.testing.assert_allclose(quick.express(Batch(chips)), alone / 2, atol=1e-6)
    assert quick.contract != MeanEmotions(nets).contract


@pytest.mark.parametrize("name", ["emotion", "gender", "expression"])
def test_the_converted_nets_say_what_tensorflow_says(name):
    net, golden = OnnxNet(load_manifest()[name]), arrays_in(FILE)[name]
    [said] = net.run(images(CROPS[net.crop].size)).values()
    expected = golden[:, 1] if name == "gender" else golden
    np.testing.assert_allclose(said, expected, atol=2e-6)


@pytest.mark.train
def test_golden_outputs_are_those_of_tensorflow():
    pytest.importorskip("tensorflow")
    golden = arrays_in(FILE)
    for name, said in computed(packages_folder()).items():
        np.testing.assert_allclose(said, golden[name], atol=1e-5)


def test_the_chip_of_emotion_is_a_square_about_the_box():
    image = np.zeros((200, 200, 3), np.uint8)
    side = 100 * FER_SIDE
    low, high = round(100 - side / 2), round(100 + side / 2)
    image[low:high, low:high] = 200
    for crop in ("face64", "face112"):
        chip = CROPS[crop](image, faces((50, 50, 150, 150)))[0]
        assert (chip[2:-2, 2:-2] == 200).all()


def test_the_chip_of_gender_is_wider_and_taller_than_the_box():
    image = np.zeros((200, 200, 3), np.uint8)
    image[50:150, 50:150] = 200
    chip = CROPS["wide64"](image, faces((50, 50, 150, 150)))[0]
    assert (chip[32, :, 0] > 100).sum() == pytest.approx(64 / 1.5, abs=1)
    assert (chip[:, 32, 0] > 100).sum() == pytest.approx(64 / 1.66, abs=1)


def test_an_engine_tells_emotions_only_where_asked_and_its_contract_stays():
    plain, asked = load_engine(profile="fake"), with_emotions(load_engine(profile="fake"))
    assert plain.contract == asked.contract
    image = np.full((100, 100, 3), 90, np.uint8)
    draw_face(image, (20, 20, 80, 80), person=3)
    found = asked.detect(image)
    assert plain.describe(plain.crop(image, found)).emotions is None
    said = asked.describe(asked.crop(image, found)).emotions
    assert EMOTIONS[int(said[0].argmax())] == "happy"


def test_the_real_engine_cuts_the_chip_for_emotions():
    assert {"face64", "face112"} < set(with_emotions(load_engine()).crops)
    assert not {"face64", "face112"} & set(load_engine().crops)


def test_smiles_are_told_from_the_rest():
    folder = data_folder() / "fer_dev"
    happy = EMOTIONS.index("happy")

    def share(emotion):
        files = sorted((folder / emotion).iterdir())[:40]
        chips = chips_of([Image.open(one).convert("RGB") for one in files])
        said = head().express(Batch(chips))
        return float((said.argmax(axis=1) == happy).mean())

    assert share("happy") > 0.6
    assert share("neutral") < 0.2
