"""What decoders raise: the file is blamed for its content only, and in words."""

import errno
import re

import av
import pytest
from PIL import Image

from album.errors import (
    Damaged,
    MediaError,
    TooLarge,
    Truncated,
    Unexpected,
    Unreadable,
    UnsupportedClip,
)
from album.media import headers
from album.media.clips.frames import Reader, Sampling
from album.media.clips.header import open_clip
from album.metadata.decoder_errors import translated
from tests.album.drawn_clips import Placed, still, write


@pytest.fixture
def clip(tmp_path):
    return write(tmp_path / "a.mkv", [still(Placed(5, 200, 20))] * 12)


def raised(action):
    with pytest.raises(MediaError) as caught, translated("a.jpg"):
        action()
    return caught.value


def test_our_own_mistakes_are_not_blamed_on_the_file(clip):
    wrong_call = raised(lambda: av.open(str(clip), no_such_option="replace"))
    assert isinstance(wrong_call, Unexpected)
    assert "no_such_option" in wrong_call.reason
    assert "report it" in wrong_call.reason
    with open_clip(str(clip)) as container:
        stream = container.streams.video[0]
        assert isinstance(raised(lambda: stream.no_such_attribute), Unexpected)
    assert isinstance(raised(lambda: Image.new("L", (1, 1)).no_such_attribute), Unexpected)
    assert isinstance(raised(lambda: None + 1), Unexpected)
    assert isinstance(raised(lambda: __import__("no_such_package")), Unexpected)


def in_a_decoder(body):
    """A function that looks as if it belonged to a decoder written in Python."""
    space = {"__name__": "PIL.OddImagePlugin"}
    exec(f"def read():\n {body}", space)
    return space["read"]


def test_what_a_decoder_stumbles_over_is_damage():
    for body in ("return None + 1", "return {}[12336]", "assert False", "return b''[3]"):
        error = raised(in_a_decoder(body))
        assert isinstance(error, Damaged)
        assert error.reason.startswith("is damaged; ")


def test_numbers_of_errors_are_no_words():
    def wrapped():
        try:
            {}[12336]
        except KeyError as error:
            raise SyntaxError(error) from error

    def worded():
        try:
            b""[12336]
        except IndexError as error:
            raise OSError("image file is truncated (0 bytes not processed)") from error

    assert raised(wrapped).reason.startswith("is damaged; ")
    assert isinstance(raised(worded), Truncated)
    for text in ("[Errno 1094995529] Invalid data", "decoder error -2", "at 0x7f00", "<_io.File>"):
        error = raised(lambda text=text: (_ for _ in ()).throw(ValueError(text)))
        assert error.reason.startswith("is damaged; "), text
    told = raised(lambda: (_ for _ in ()).throw(OSError("broken data stream")))
    assert "(broken data stream)" in told.reason


def test_what_the_system_says_is_no_damage():
    def failing(number):
        return lambda: (_ for _ in ()).throw(OSError(number, "text of the library"))

    assert isinstance(raised(failing(errno.EIO)), Unreadable)
    assert "(Input/output error)" in raised(failing(errno.EIO)).reason
    assert isinstance(raised(failing(errno.EACCES)), Unreadable)
    # A place before the start of the file, to which a damaged picture points.
    assert isinstance(raised(failing(errno.EINVAL)), Damaged)
    assert isinstance(raised(lambda: (_ for _ in ()).throw(MemoryError())), TooLarge)
    assert isinstance(raised(lambda: (_ for _ in ()).throw(EOFError())), Truncated)


def test_clips_that_make_no_sense_are_told_in_words(tmp_path, clip):
    data = write(tmp_path / "a.mp4", [still()] * 12).read_bytes()
    broken = {
        "cut.mp4": data[:300],
        "head.mp4": data[:40],
        "a.flv": b"FLV\x01",
        "a.mpg": b"\0\0\1\xba",
    }
    broken |= {"a.wmv": bytes.fromhex("3026b2758e66cf11"), "b.mkv": b"\x1aE\xdf\xa3"}
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MediaError) as caught:
            headers.read_header(tmp_path / name)
        assert re.fullmatch(r"is (damaged|cut short); [^\[\]\d]+\.", caught.value.reason)


def test_a_clip_whose_codec_nobody_knows_is_not_damaged(clip):
    data = clip.read_bytes()
    assert b"V_MPEG4/ISO/ASP" in data
    clip.write_bytes(data.replace(b"V_MPEG4/ISO/ASP", b"V_ZZZZZ/ISO/ASP"))
    for read in (lambda: headers.read_header(clip), lambda: Reader(clip, Sampling()).__enter__()):
        with pytest.raises(UnsupportedClip, match="FFmpeg has no decoder for it"):
            read()


def test_metadata_that_is_not_text_leaves_the_clip_and_its_date(tmp_path):
    path = write(
        tmp_path / "a.mkv", [still()] * 12, tags={"title": "Gro@@ mutter", "date": "1999@@"}
    )
    path.write_bytes(path.read_bytes().replace(b"@@", b"\xdf\xff"))
    header = headers.read_header(path)
    assert header.tags == {"Clip CreationTime": "2004-05-06T07:08:09.000000Z"}
    with Reader(path, Sampling()) as reader:
        assert reader.window(faces_seen=False)
