"""Frames of clips: upright, in time, within bounds."""

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from PIL import Image

from album.errors import Damaged, Ignored, MediaError, NotAPhoto
from album.media import headers
from album.media.clips.frames import Reader, Sampling
from album.media.clips.still import frame_at
from nets.fake import FakeDetector
from tests.album.analysis.test_analyse import TO_STORED
from tests.album.drawn_clips import MATRICES, Placed, sound, still, turn, write

LOOK = FakeDetector()


def frames_of(path, *, seen=False, **sampling):
    with Reader(path, Sampling(**sampling)) as reader:
        frames = []
        while window := reader.window(faces_seen=seen):
            frames += window
        return frames, reader


@pytest.mark.parametrize("orientation", MATRICES)
def test_frames_come_upright(tmp_path, orientation):
    upright = still(Placed(5, 200, 20))
    to_stored = TO_STORED[orientation]
    stored = Image.fromarray(upright)
    stored = np.asarray(stored if to_stored is None else stored.transpose(to_stored))
    path = turn(write(tmp_path / "a.mp4", [stored] * 10), orientation)
    frames, reader = frames_of(path)
    assert (reader.orientation, reader.size) == (orientation, (320, 240))
    assert reader.stored_size == (stored.shape[1], stored.shape[0])
    for image in (frames[0].view, reader.closer(frames[0])):
        np.testing.assert_allclose(LOOK.detect(image).boxes, [[200, 20, 280, 100]], atol=3)


def test_every_fifth_frame_or_third_while_faces_are_seen(tmp_path):
    path = write(tmp_path / "a.mp4", [still()] * 60)
    every = [frame.time_ms for frame in frames_of(path)[0]]
    np.testing.assert_allclose(every, np.arange(12) * 5000 / 30, atol=1)
    denser = [frame.time_ms for frame in frames_of(path, seen=True, every_seen=3)[0]]
    np.testing.assert_allclose(denser, np.arange(20) * 100, atol=1)


def test_slow_motion_is_not_looked_at_more_often(tmp_path):
    path = write(tmp_path / "a.mp4", [still()] * 120, rate=120)
    assert len(frames_of(path)[0]) == 6


def test_time_comes_from_the_clock_of_the_clip_not_from_counting(tmp_path):
    times = np.concatenate([np.arange(0, 1, 1 / 30), np.arange(1, 5, 0.5), np.arange(5, 6, 1 / 30)])
    shades = [still(shade=round(40 * time)) for time in times]
    path = write(tmp_path / "a.mkv", shades, times=times.tolist())
    frames, _ = frames_of(path)
    for frame in frames:
        assert frame.view.mean() == pytest.approx(40 * frame.time_ms / 1000, abs=6)
    assert len(frames) == pytest.approx(6 + 8 + 6, abs=2)


def test_a_long_clip_is_looked_at_in_stretches_spread_over_it(tmp_path):
    path = write(tmp_path / "a.mp4", [still(shade=i // 10) for i in range(1800)], rate=30)
    frames, _ = frames_of(path, budget=38)
    assert len(frames) == 36
    first = [a.time_ms for a in frames[::9]]
    assert first == pytest.approx([0, 15_000, 30_000, 45_000], abs=1100)
    for before, after in pairwise(frames):
        same = before.stretch == after.stretch
        assert (after.time_ms - before.time_ms < 250) == same
    assert len(frames_of(path, budget=0)[0]) == 360


def test_a_clip_whose_length_is_not_known_stops_at_the_budget(tmp_path):
    path = write(tmp_path / "a.mp4", [still()] * 300)
    with Reader(path, Sampling(budget=13)) as reader:
        count = 0
        while window := reader.window(faces_seen=False):
            count += len(window)
    assert count == 13


def test_large_frames_are_shrunk(tmp_path):
    path = write(tmp_path / "a.mp4", [still(Placed(5, 600, 600, 400), size=(2560, 1440))] * 3)
    [frame], reader = frames_of(path)
    assert frame.view.shape == (720, 1280, 3)
    assert reader.closer(frame).shape == (1080, 1920, 3)
    assert reader.size == (2560, 1440)
    assert max(frame.picture.width, frame.picture.height) == 1920


def test_a_clip_that_breaks_off_says_so(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (180, 240, 320, 3), np.uint8)
    path = write(tmp_path / "a.mp4", noise, options={"movflags": "faststart"})
    frames, reader = frames_of(path)
    assert (len(frames), reader.problem) == (36, "")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 4 // 10])
    frames, reader = frames_of(path)
    assert 10 <= len(frames) <= 20
    assert reader.problem == "it breaks off after 2 of 6 seconds"


def test_damage_in_the_middle_is_counted(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (120, 240, 320, 3), np.uint8)
    path = write(tmp_path / "a.mp4", noise, codec="mjpeg")
    data = bytearray(path.read_bytes())
    middle = slice(len(data) // 3, len(data) // 2)
    data[middle] = bytes(middle.stop - middle.start)
    path.write_bytes(data)
    frames, reader = frames_of(path)
    assert 8 <= len(frames) < 24
    assert "pieces of it are damaged" in reader.problem


def test_sound_alone_is_no_clip(tmp_path):
    with pytest.raises(NotAPhoto, match="sound without a picture"):
        headers.read_header(sound(tmp_path / "a.mp4"))
    quiet = sound(tmp_path / "b.mp4").rename(tmp_path / "b.dat")
    with pytest.raises(Ignored):
        headers.read_header(quiet)


def test_a_clip_without_its_index_is_damaged(tmp_path):
    path = write(tmp_path / "a.mp4", [still(shade=i) for i in range(60)])
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(Damaged):
        headers.read_header(path)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts"])
def test_mutated_clips_raise_nothing_but_media_errors(tmp_path, suffix):
    path = write(tmp_path / f"a.{suffix}", [still(Placed(1), shade=i) for i in range(30)])
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(25):
        broken = bytearray(data)
        for at in rng.integers(0, len(data), 20):
            broken[at] = rng.integers(256)
        path.write_bytes(broken[: rng.integers(len(data) // 2, len(data) + 1)])
        try:
            headers.read_header(path)
            assert len(frames_of(path)[0]) <= 100
        except MediaError as error:
            assert str(path) in str(error)


def test_the_frame_at_a_time(tmp_path):
    frames = [still(Placed(1, 20 + i)) for i in range(100)]
    path = turn(write(tmp_path / "a.mp4", [np.rot90(frame) for frame in frames]), 6)
    for number in (0, 1, 50, 99):
        image = frame_at(path, round(1000 * number / 30)).pixels
        assert LOOK.detect(image).boxes[0, 0] == pytest.approx(20 + number, abs=1)
    with pytest.raises(Damaged):
        frame_at(path, 5000)


def test_time_counts_from_where_players_begin(tmp_path):
    """Where the sound begins before the picture, the first frame is not at 0."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        audio = container.add_stream("aac", rate=44100)
        video = container.add_stream("mpeg4", rate=30)
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        video.codec_context.time_base = Fraction(1, 30)
        for number in range(80):
            quiet = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            quiet.sample_rate, quiet.pts = 44100, 1024 * number
            container.mux(audio.encode(quiet))
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(still(), format="rgb24")
            frame.pts, frame.time_base = 30 + number, Fraction(1, 30)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    assert frames_of(path)[0][0].time_ms == pytest.approx(1000, abs=40)
