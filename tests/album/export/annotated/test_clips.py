"""`album analyze` on clips: the copy that plays, what is drawn on it, the text and the record."""

import json
import threading
from dataclasses import replace

import av
import numpy as np
import pytest

from album.analysis.clips.collector import Collector
from album.events import ClipDone, PhotoFailed
from album.export.annotated.run import AnalyzeOptions, analyze
from album.export.annotated.tracks import sequence_ages, smoothed
from nets.core.api import AGES
from nets.engine import load_engine, with_emotions
from tests.album.albums import ANNA, BERT, Drawn, Shelf, album, photo
from tests.album.drawn_clips import RATE, Placed, still, turn, write

HAPPY = 3
"""The emotion that the fake engine gives a person of this number."""


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)


def run(shelf, *words):
    ran = album("--library", shelf.path, "analyze", *words, "--profile", "fake", "--json")
    return ran, json.loads(ran.out) if ran.out else None


def walking(path, *, seconds=2, **how):
    """Somebody happy who walks to the right, 60 pixels in a second; Bert, who does not move."""
    frames = [
        still(
            Placed(HAPPY, 20 + 2 * (i % 100), 20, age=24, male=False),
            Placed(BERT, 220, 140, age=50),
        )
        for i in range(RATE * seconds)
    ]
    return write(path, frames, **how)


def decoded(path):
    with av.open(str(path)) as container:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode()]
    return [time for time, _ in frames], [pixels for _, pixels in frames]


def record_of(stem):
    return json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))


def is_yellow(pixel):
    red, green, blue = (int(one) for one in pixel)
    return red > 180 and green > 150 and blue < 130


def test_a_clip_has_a_copy_a_text_and_a_record(shelf, tmp_path):
    source = walking(tmp_path / "in" / "2004" / "walk.mov")
    before = source.read_bytes()
    ran, done = run(shelf, tmp_path / "in", tmp_path / "out")
    assert (ran.code, done["clips"], done["faces"], done["failures"]) == (0, 1, 2, [])
    assert source.read_bytes() == before
    stem = tmp_path / "out" / "2004" / "walk"
    record = record_of(stem)
    assert (record["width"], record["height"], record["duration_ms"]) == (320, 240, 2000)
    assert [round(one["age"]) for one in record["people"]] == [24, 50]
    assert [one["gender"] for one in record["people"]] == ["female", "male"]
    assert record["people"][0]["emotion"] == "happy"
    times = [frame["time_ms"] for frame in record["frames"]]
    assert times == pytest.approx(np.arange(0, 2000, 500 / 3), abs=2)
    first = [frame["faces"][0]["box"][0] for frame in record["frames"]]
    assert first == pytest.approx([20 + 0.06 * time for time in times], abs=4)
    assert set(record["frames"][0]["faces"][0]["landmarks"]) > {"left_eye", "nose"}
    lines = stem.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# 320 x 240 pixels, 2.0 seconds, 2 people, 12 frames looked at"
    assert len(lines) == 2 + 2 * len(times)
    assert {len(line.split("\t")) for line in lines[1:]} == {13}


def test_every_frame_is_in_the_copy_with_boxes_that_follow(shelf, tmp_path):
    walking(tmp_path / "in" / "walk.mp4")
    run(shelf, tmp_path / "in", tmp_path / "out")
    times, frames = decoded(tmp_path / "out" / "walk.mp4")
    assert times == pytest.approx(np.arange(60) / RATE, abs=1e-3)
    assert frames[0].shape == (480, 640, 3)
    for number in (0, 7, 31, 44):  # also between the frames that were looked at
        x, y = 2 * (20 + 2 * number), 2 * 60
        assert any(is_yellow(frames[number][y, x + dx]) for dx in range(-6, 7)), number


def test_a_copy_stands_upright(shelf, tmp_path):
    source = turn(walking(tmp_path / "in" / "walk.mp4", options={"movflags": "empty_moov"}), 6)
    run(shelf, source, tmp_path / "out")
    _, frames = decoded(tmp_path / "out" / "walk.mp4")
    assert frames[0].shape == (640, 480, 3)
    assert record_of(tmp_path / "out" / "walk")["height"] == 320


@pytest.mark.parametrize("size", [(161, 121), (2000, 500)])
def test_odd_and_large_sizes_become_what_players_can_show(shelf, tmp_path, size):
    frames = [still(Placed(ANNA, 30, 20), size=size)] * 6
    write(tmp_path / "in" / "a.avi", frames, codec="mjpeg")
    assert run(shelf, tmp_path / "in", tmp_path / "out")[0].code == 0
    _, frames = decoded(tmp_path / "out" / "a.mp4")
    height, width = frames[0].shape[:2]
    assert (width % 2, height % 2) == (0, 0)
    assert 640 <= width <= 1920
    assert width / height == pytest.approx(size[0] / size[1], rel=0.01)


def with_sound(path, codec="aac"):
    silent = walking(path.with_name("silent.mp4"), codec="mpeg4")
    with av.open(str(silent)) as source, av.open(str(path), "w") as out:
        picture = out.add_stream_from_template(source.streams.video[0])
        sound = out.add_stream(codec, rate=44100)
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = picture
                out.mux(packet)
        kind = "fltp" if codec == "aac" else "s16"
        for number in range(80):
            samples = np.zeros((1, 1024), np.float32 if codec == "aac" else np.int16)
            frame = av.AudioFrame.from_ndarray(samples, kind, "mono")
            frame.sample_rate, frame.pts = 44100, 1024 * number
            out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    silent.unlink()
    return path


@pytest.mark.parametrize(
    ("name", "codec", "kept"), [("a.mp4", "aac", 1), ("a.mov", "pcm_s16le", 0)]
)
def test_sound_is_kept_where_it_need_not_be_changed(shelf, tmp_path, name, codec, kept):
    (tmp_path / "in").mkdir()
    source = with_sound(tmp_path / "in" / name, codec)
    run(shelf, tmp_path / "in", tmp_path / "out")
    assert record_of(tmp_path / "out" / "a")["sound"] is bool(kept)
    with av.open(str(source)) as before, av.open(str(tmp_path / "out" / "a.mp4")) as after:
        assert len(after.streams.audio) == kept
        if kept:
            packets = [
                [bytes(packet) for packet in one.demux(one.streams.audio[0]) if packet.size]
                for one in (before, after)
            ]
            assert packets[0] == packets[1]


def test_a_second_run_does_only_what_is_new_or_otherwise_wanted(shelf, tmp_path):
    walking(tmp_path / "in" / "walk.mp4", seconds=1)
    run(shelf, tmp_path / "in", tmp_path / "out")
    _, again = run(shelf, tmp_path / "in", tmp_path / "out")
    assert (again["clips"], again["unchanged"]) == (0, 1)
    _, closer = run(shelf, tmp_path / "in", tmp_path / "out", "--clip-every", 3)
    assert closer["clips"] == 1
    assert len(record_of(tmp_path / "out" / "walk")["frames"]) == 10


def test_clips_may_be_left_out(shelf, tmp_path):
    walking(tmp_path / "in" / "walk.mp4", seconds=1)
    _, done = run(shelf, tmp_path / "in", tmp_path / "out", "--no-clips")
    assert (done["clips"], done["clips_left_out"]) == (0, 1)
    assert not list((tmp_path / "out").rglob("*"))


def test_people_of_a_clip_who_have_a_name_are_named(shelf, tmp_path):
    folder = tmp_path / "in"
    for year in (2002, 2004, 2006):
        photo(folder / f"{year}.jpg", Drawn(BERT, year - 1954), year=year)
    walking(folder / "walk.mp4")
    shelf.index(folder)
    [bert] = [one["id"] for one in shelf.people("--all") if one["gender"] == "male"]
    album("--library", shelf.path, "name", bert, "Bert")
    run(shelf, folder / "walk.mp4", tmp_path / "out")
    people = record_of(tmp_path / "out" / "walk")["people"]
    assert [(one["person"], one["person_id"]) for one in people] == [(None, None), ("Bert", bert)]
    text = (tmp_path / "out" / "walk.txt").read_text(encoding="utf-8")
    assert text.count("\tBert\n") == 12


def test_a_clip_that_breaks_off_is_copied_as_far_as_it_goes(shelf, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (180, 240, 320, 3), np.uint8)
    for pixels in noise:
        pixels[60:170, 40:150] = still(Placed(ANNA, 45, 65, 100, age=24))[60:170, 40:150]
    path = write(tmp_path / "in" / "a.mp4", noise, options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (tmp_path / "in" / "bad.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0isommp41")
    for _ in range(2):  # a second run says so again
        ran, done = run(shelf, tmp_path / "in", tmp_path / "out")
        assert ran.code == 3
        reasons = {one["path"].rpartition("/")[2]: one["reason"] for one in done["failures"]}
        assert "was read in part" in reasons["a.mp4"]
        assert set(reasons) == {"a.mp4", "bad.mp4"}
    times, _ = decoded(tmp_path / "out" / "a.mp4")
    assert 2 < times[-1] < 5
    assert not (tmp_path / "out" / "bad.mp4").exists()


def test_a_clip_that_was_not_made_here_is_never_overwritten(shelf, tmp_path):
    walking(tmp_path / "in" / "walk.mp4", seconds=1)
    walking(tmp_path / "out" / "walk.mp4", seconds=1)
    before = (tmp_path / "out" / "walk.mp4").read_bytes()
    ran, done = run(shelf, tmp_path / "in", tmp_path / "out")
    assert ran.code == 3
    assert "was not made by" in done["failures"][0]["reason"]
    assert (tmp_path / "out" / "walk.mp4").read_bytes() == before


def test_a_copy_that_can_not_be_written_ends_nothing_else(shelf, tmp_path):
    walking(tmp_path / "in" / "sub" / "a.mp4", seconds=1)
    photo(tmp_path / "in" / "b.jpg", Drawn(ANNA, 31))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").write_text("a file where a folder has to be")
    ran, done = run(shelf, tmp_path / "in", tmp_path / "out")
    assert (ran.code, done["photos"]) == (3, 1)
    [failed] = done["failures"]
    assert failed["reason"].startswith("could not be written (File exists)")


def test_a_photo_beside_a_clip_of_its_name_keeps_its_name(shelf, tmp_path):
    photo(tmp_path / "in" / "a.jpg", Drawn(ANNA, 31))
    walking(tmp_path / "in" / "a.mp4", seconds=8)
    assert run(shelf, tmp_path / "in", tmp_path / "out")[0].code == 0
    made = {one.name for one in (tmp_path / "out").iterdir()}
    assert made == {
        f"a{end}" for end in (".jpg", ".txt", ".json", "-mp4.mp4", "-mp4.txt", "-mp4.json")
    }


def test_the_clip_of_a_live_photo_is_left_out(shelf, tmp_path):
    photo(tmp_path / "in" / "a.jpg", Drawn(ANNA, 31))
    walking(tmp_path / "in" / "a.mov", seconds=1)
    _, done = run(shelf, tmp_path / "in", tmp_path / "out")
    assert (done["photos"], done["clips"], done["live"]) == (1, 0, 1)
    assert {one.name for one in (tmp_path / "out").iterdir()} == {"a.jpg", "a.txt", "a.json"}


def test_what_no_frame_shows_clearly_to_be_a_face_is_left_out(tmp_path, monkeypatch):
    from nets.fake import FakeDetector

    detect = FakeDetector.detect

    def doubtful(self, image, **how):
        """Bert's face, the one below, is never quite certain."""
        found = detect(self, image, **how)
        scores = np.where(found.boxes[:, 1] > 100, np.float32(0.9), found.scores)
        return replace(found, scores=scores)

    monkeypatch.setattr(FakeDetector, "detect", doubtful)
    walking(tmp_path / "in" / "a.mp4", seconds=1)
    engine = with_emotions(load_engine(profile="fake"))
    list(analyze(None, engine, tmp_path / "in", tmp_path / "out", AnalyzeOptions(jobs=1)))
    record = record_of(tmp_path / "out" / "a")
    assert [round(one["age"]) for one in record["people"]] == [24]
    assert {len(frame["faces"]) for frame in record["frames"]} == {1}


def test_a_clip_without_faces_is_copied_all_the_same(shelf, tmp_path):
    write(tmp_path / "in" / "a.mp4", [still()] * 30)
    assert run(shelf, tmp_path / "in", tmp_path / "out")[0].code == 0
    assert len(decoded(tmp_path / "out" / "a.mp4")[0]) == 30
    assert record_of(tmp_path / "out" / "a")["people"] == []


def test_a_clip_that_hangs_is_given_up(tmp_path, monkeypatch):
    walking(tmp_path / "in" / "a.mp4", seconds=1)
    photo(tmp_path / "in" / "b.jpg", Drawn(ANNA, 31))
    forever = threading.Event()
    monkeypatch.setattr(Collector, "add", lambda *_: forever.wait())
    engine = with_emotions(load_engine(profile="fake"))
    options = AnalyzeOptions(jobs=1, file_timeout=0.3)
    events = list(analyze(None, engine, tmp_path / "in", tmp_path / "out", options))
    [failed] = [one for one in events if isinstance(one, PhotoFailed)]
    assert failed.path.name == "a.mp4"
    assert "takes too long" in failed.reason
    assert (tmp_path / "out" / "b.json").exists()
    forever.set()


def test_nothing_half_is_left_by_a_run_that_is_stopped(tmp_path):
    walking(tmp_path / "in" / "a.mp4", seconds=4)
    engine = with_emotions(load_engine(profile="fake"))
    events = analyze(None, engine, tmp_path / "in", tmp_path / "out", AnalyzeOptions(jobs=1))
    next(events)
    events.close()
    assert [one.name for one in (tmp_path / "out").rglob("*.mp4")] in ([], ["a.mp4"])
    assert not list((tmp_path / "out").rglob(".album-*"))


class Counting:
    """Says that everybody is as old as the number of the last frame of the sequence."""

    name, contract, crops, frames = "counting", "counting", ("box224",), 20

    def features(self, batch):
        return np.zeros((len(batch), 1), np.float32)

    def predict(self, sequences):
        last = np.rint(sequences[:, -1, 0]).astype(int)
        return (AGES[None] == last[:, None]).astype(np.float32)


def test_ages_from_sequences_begin_with_the_twentieth_frame_of_each_track():
    track = np.array([0, 1] * 25 + [2] * 19)
    features = np.arange(len(track), dtype=np.float32)[:, None]
    ages = sequence_ages(features, track, Counting())
    assert np.isnan(ages[:38]).all()
    assert np.isnan(ages[50:]).all()
    assert ages[38:50].tolist() == list(range(38, 50))


def test_a_clip_by_sequences_has_no_ages_at_first(tmp_path):
    class AtOnce(Counting):
        frames = 4

        def features(self, batch):
            return np.full((len(batch), 1), 33, np.float32)

    walking(tmp_path / "in" / "a.mp4")
    engine = replace(with_emotions(load_engine(profile="fake")), sequence=AtOnce())
    events = list(analyze(None, engine, tmp_path / "in", tmp_path / "out", AnalyzeOptions(jobs=1)))
    assert any(isinstance(one, ClipDone) for one in events)
    record = record_of(tmp_path / "out" / "a")
    ages = [frame["faces"][0]["age"] for frame in record["frames"]]
    assert ages == [None] * 3 + [33.0] * 9
    assert [one["age"] for one in record["people"]] == [33.0, 33.0]


def test_emotions_are_averaged_over_neighbouring_frames_of_one_face():
    emotions = np.zeros((12, 7), np.float32)
    emotions[::2, 3], emotions[1::2, 4] = 1, 1
    emotions[6, 3], emotions[6, 6] = 0, 1
    track = np.array([0, 1] * 6)
    told = smoothed(emotions, track)
    assert told[6].tolist() == pytest.approx([0, 0, 0, 0.8, 0, 0, 0.2])
    assert told[1::2, 4].tolist() == pytest.approx([1] * 6)
    assert told.sum(axis=1).tolist() == pytest.approx([1] * 12)


def test_who_is_seen_too_shortly_for_a_sequence_has_the_fused_age(tmp_path):
    from dataclasses import replace

    walking(tmp_path / "in" / "a.mp4")
    fused = with_emotions(load_engine(profile="fake"))
    for engine, out in ((fused, "fused"), (replace(fused, sequence=Counting()), "by_sequence")):
        list(analyze(None, engine, tmp_path / "in", tmp_path / out, AnalyzeOptions(jobs=1)))
    fused_ages, ages = (
        [one["age"] for one in record_of(tmp_path / out / "a")["people"]]
        for out in ("fused", "by_sequence")
    )
    assert ages == fused_ages
    record = record_of(tmp_path / "by_sequence" / "a")
    assert {face["age"] for frame in record["frames"] for face in frame["faces"]} == {None}
