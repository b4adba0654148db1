import io
import json
import os
import struct
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from album.dates.photo_date import TakenAt, read_date, refusal
from album.dates.sources import SIGMA_YEARS, Source, is_trusted
from album.dates.text import Moment, Precision, from_timestamp, parse, parse_file_name, parse_offset
from album.errors import Vanished
from album.files.kinds import Kind
from album.media.headers import Header, read_header
from album.metadata import exif as exif_module
from album.metadata.sidecars import Takeout, neighbours, read_takeout, takeout_names
from album.metadata.xmp import MAX_PACKET
from album.metadata.xmp_properties import read_properties
from tests.album.media_files import encoded, exif, quarters, written

NOW = datetime(2024, 6, 1, 12)


def dated(folder: Path, name: str = "a.jpg", **tags: object) -> TakenAt:
    path = written(folder, name, encoded(quarters(), "JPEG", exif=exif(**tags)))
    os.utime(path, (1.6e9, 1.6e9))
    return read_date(path, read_header(path), path.stat(), now=NOW)


def with_tags(
    tags: dict[str, str], path: Path | str = "/none/x.jpg", mtime: float = 1e9
) -> TakenAt:
    stat = os.stat_result((0, 0, 0, 0, 0, 0, 0, mtime, mtime, mtime))
    names = frozenset()
    return read_date(path, Header(Kind.JPEG, (1, 1), tags=tags), stat, names=names, now=NOW)


# What is written


@pytest.mark.parametrize(
    ("text", "when", "offset", "precision"),
    [
        ("2019:05:06 07:08:09", datetime(2019, 5, 6, 7, 8, 9), None, "second"),
        ("2019:05:06 07:08:09\0", datetime(2019, 5, 6, 7, 8, 9), None, "second"),
        ("2019-05-06T07:08:09.5Z", datetime(2019, 5, 6, 7, 8, 9, 500_000), 0, "second"),
        ("2019-05-06T07:08:09+05:30", datetime(2019, 5, 6, 7, 8, 9), 330, "second"),
        ("2019-05-06T07:08:09-0400", datetime(2019, 5, 6, 7, 8, 9), -240, "second"),
        ("2019-05-06T07:08", datetime(2019, 5, 6, 7, 8), None, "second"),
        ("2019/05/06 7:08:60", datetime(2019, 5, 6, 7, 8, 59), None, "second"),
        ("2019:05:06", datetime(2019, 5, 6, 12), None, "day"),
        ("2019-05", datetime(2019, 5, 15), None, "month"),
        ("2019:05:00 00:00:00", datetime(2019, 5, 15), None, "month"),
        ("2019", datetime(2019, 7, 1), None, "year"),
        ("2019:00:00 00:00:00", datetime(2019, 7, 1), None, "year"),
        ("2019-05-06T07:08:09+99:99", datetime(2019, 5, 6, 7, 8, 9), None, "second"),
    ],
)
def test_written_dates(text, when, offset, precision):
    assert parse(text) == Moment(when, offset, Precision(precision))


@pytest.mark.parametrize(
    "text",
    [
        *("", "0000:00:00 00:00:00", "2019:13:01 00:00:00", "2019:02:30 00:00:00", "yesterday"),
        *("2019:05:06 24:00:00", "2019:05:06 07", "19:05:06 07:08:09", "2019:05:06 07:08:09 PM x"),
    ],
)
def test_what_is_no_date(text):
    assert parse(text) is None


@given(st.datetimes(datetime(1826, 1, 1), datetime(2100, 1, 1)), st.integers(-720, 840))
def test_dates_survive_writing_and_reading(when, minutes):
    sign, rest = "-" if minutes < 0 else "+", abs(minutes)
    text = f"{when:%Y}:{when:%m:%d %H:%M:%S.%f}".rjust(26, "0")
    assert parse(text, offset=f"{sign}{rest // 60:02d}:{rest % 60:02d}") == Moment(when, minutes)


@given(st.text(max_size=40), st.text(max_size=8), st.text(max_size=8))
def test_reading_dates_never_fails(text, offset, subsec):
    parse(text, offset=offset, subsec=subsec)
    parse_offset(text)
    parse_file_name(text)
    read_properties(text.encode("utf-8", "surrogatepass"))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_timestamps_never_fail(seconds):
    moment = from_timestamp(seconds)
    assert moment is None or moment.offset_minutes == 0


@pytest.mark.parametrize(
    ("name", "when", "precision"),
    [
        ("IMG_20190102_030405.jpg", datetime(2019, 1, 2, 3, 4, 5), "second"),
        ("IMG_20190102_030405678_HDR.jpg", datetime(2019, 1, 2, 3, 4, 5), "second"),
        ("VID_20190102_030405.mp4", datetime(2019, 1, 2, 3, 4, 5), "second"),
        ("20190102_030405(0).jpg", datetime(2019, 1, 2, 3, 4, 5), "second"),
        ("IMG20190102030405.jpg", datetime(2019, 1, 2, 3, 4, 5), "second"),
        ("MVIMG_20190102_030405.jpg", datetime(2019, 1, 2, 3, 4, 5), "second"),
        ("2019-01-02 03.04.05.jpg", datetime(2019, 1, 2, 3, 4, 5), "second"),
        ("2019-01-02 03.04.05-1.jpg", datetime(2019, 1, 2, 3, 4, 5), "second"),
        ("Screenshot_20190102-030405.png", datetime(2019, 1, 2, 3, 4, 5), "second"),
        ("Screenshot_2019-01-02-03-04-05-123_com.app.png", datetime(2019, 1, 2, 3, 4, 5), "second"),
        ("Screenshot 2019-01-02 at 03.04.05.png", datetime(2019, 1, 2, 3, 4, 5), "second"),
        ("Screen Shot 2019-01-02 at 3.04.05 PM.png", datetime(2019, 1, 2, 15, 4, 5), "second"),
        ("WhatsApp Image 2019-01-02 at 12.04.05 AM.jpeg", datetime(2019, 1, 2, 0, 4, 5), "second"),
        ("signal-2019-01-02-030405.jpg", datetime(2019, 1, 2, 3, 4, 5), "second"),
        ("photo_2019-01-02_03-04-05.jpg", datetime(2019, 1, 2, 3, 4, 5), "second"),
        ("IMG-20190102-WA0007.jpg", datetime(2019, 1, 2, 12), "day"),
        ("VID-20190102-WA0007.mp4", datetime(2019, 1, 2, 12), "day"),
        ("1962-07-14 wedding.jpg", datetime(1962, 7, 14, 12), "day"),
    ],
)
def test_dates_in_names(name, when, precision):
    assert parse_file_name("/photos/2003/" + name) == Moment(when, None, Precision(precision))


def test_pixel_names_are_in_utc():
    want = Moment(datetime(2021, 1, 2, 3, 4, 5), 0)
    assert parse_file_name("PXL_20210102_030405678.jpg") == want
    assert parse_file_name("PXL_20210102_030405678.MP.jpg") == want


@pytest.mark.parametrize(
    "name",
    [
        *("IMG_2682.jpg", "DSC01234.jpg", "20190102.jpg", "1200x1600.jpg", "a.jpg"),
        *("412019010203040599.jpg", "FB_IMG_1546300800000.jpg", "IMG_20190231_030405.jpg"),
        *("IMG_20191302_030405.jpg",),
    ],
)
def test_names_without_dates(name):
    assert parse_file_name("/2019/2019-01-02/" + name) is None


# What is believed


def test_the_original_date_with_offset_and_subseconds(tmp_path):
    taken = dated(
        tmp_path, original="2019:05:06 07:08:09", offset="+02:00", subsec="25", modified=""
    )
    assert taken == TakenAt(datetime(2019, 5, 6, 7, 8, 9, 250_000), 120, Source.EXIF_ORIGINAL)
    assert taken.sigma_years == SIGMA_YEARS[Source.EXIF_ORIGINAL]


ORDER = [
    ({"Sidecar exif:DateTimeOriginal": "2001-02-03T04:05:06"}, Source.XMP_SIDECAR),
    ({"EXIF DateTimeOriginal": "2002:02:03 04:05:06"}, Source.EXIF_ORIGINAL),
    ({"EXIF DateTimeDigitized": "2003:02:03 04:05:06"}, Source.EXIF_DIGITIZED),
    ({"Clip CreationDate": "2004-02-03T04:05:06+0100"}, Source.CLIP_LOCAL),
    ({"Clip CreationTime": "2005-02-03T04:05:06.000000Z"}, Source.CLIP_UTC),
    ({"XMP photoshop:DateCreated": "2006-02-03T04:05:06"}, Source.XMP),
    ({"IPTC DateTimeCreated": "2007-02-03T04:05:06"}, Source.IPTC),
    ({"GPS GPSDate": "2008:02:03", "GPS GPSTimeStamp": "04:05:06"}, Source.GPS),
    ({"Image DateTime": "2009:02:03 04:05:06"}, Source.EXIF_MODIFIED),
]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_the_order_of_sources(first):
    tags = {k: v for part, _ in ORDER[first:] for k, v in part.items()}
    taken = with_tags(tags, "/x/IMG_20100203_040506.jpg")
    assert taken.source is ORDER[first][1]
    assert taken.when == datetime(2001 + first, 2, 3, 4, 5, 6)


def test_the_name_comes_before_mtime_and_folders_do_not_count():
    assert with_tags({}, "/x/IMG-20100203-WA0001.jpg").source is Source.FILE_NAME
    taken = with_tags({}, "/2010-02-03/x.jpg", 1_500_000_000)
    assert taken.source is Source.MTIME
    assert taken.when is not None
    utc = taken.when - timedelta(minutes=taken.offset_minutes or 0)
    assert utc == datetime(2017, 7, 14, 2, 40)


def test_untrusted_sources_weigh_less():
    assert SIGMA_YEARS[Source.MTIME] > SIGMA_YEARS[Source.EXIF_MODIFIED]
    assert SIGMA_YEARS[Source.EXIF_MODIFIED] > SIGMA_YEARS[Source.FILE_NAME]
    assert SIGMA_YEARS[Source.FILE_NAME] > SIGMA_YEARS[Source.EXIF_ORIGINAL]
    assert set(SIGMA_YEARS) == set(Source)
    year = TakenAt(datetime(1950, 7, 1), None, Source.EXIF_ORIGINAL, Precision.YEAR)
    assert 0.28 < year.sigma_years < 0.3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0000:00:00 00:00:01", "not a date"),
        ("1970:01:01 00:00:00", "Unix"),
        ("1969:12:31 19:00:00", "Unix"),
        ("1904:01:01 00:00:00", "QuickTime"),
        ("1980:01:01 00:00:00", "DOS"),
        ("2000:01:01 00:00:00", "restart"),
        ("2024:07:02 12:00:00", "future"),
        ("9999:12:31 23:59:59", "future"),
        ("1825:01:01 10:00:00", "before the first photograph"),
        ("0001:01:01 00:00:00", "before the first photograph"),
        ("nonsense", "not a date"),
    ],
)
def test_absurd_dates_are_refused_and_the_next_source_is_asked(text, reason):
    tags = {"EXIF DateTimeOriginal": text, "EXIF DateTimeDigitized": "2011:01:02 03:04:05"}
    taken = with_tags(tags)
    assert (taken.when, taken.source) == (datetime(2011, 1, 2, 3, 4, 5), Source.EXIF_DIGITIZED)
    (refused,) = taken.refused
    assert refused.startswith("exif-original ")
    assert repr(text) in refused
    assert reason in refused


@pytest.mark.parametrize(
    "when", ["2000:01:01 00:20:00", "1980:06:01 12:00:00", "1890:05:05 10:00:00"]
)
def test_rare_dates_are_believed(when):
    assert with_tags({"EXIF DateTimeOriginal": when}).source is Source.EXIF_ORIGINAL


def test_blank_dates_are_no_claim():
    tags = {"EXIF DateTimeOriginal": "    :  :     :  :  ", "Image DateTime": "2011:01:02 03:04:05"}
    taken = with_tags(tags)
    assert (taken.source, taken.refused) == (Source.EXIF_MODIFIED, ())


def test_midnight_stands_for_a_day_and_new_year_for_a_year():
    taken = with_tags({"EXIF DateTimeOriginal": "1962:07:14 00:00:00"})
    assert (taken.when, taken.precision) == (datetime(1962, 7, 14, 12), Precision.DAY)
    taken = with_tags({"EXIF DateTimeOriginal": "1962:01:01 00:00:00"})
    assert (taken.when, taken.precision) == (datetime(1962, 7, 1), Precision.YEAR)


def test_nothing_to_believe():
    taken = with_tags({}, mtime=0.0)
    assert (taken.when, taken.source) == (None, Source.NONE)
    assert len(taken.refused) == 1
    assert taken.sigma_years == float("inf")


def test_gps_without_a_time_and_with_a_senseless_one():
    taken = with_tags({"GPS GPSDate": "2008:02:03"})
    assert (taken.when, taken.precision) == (datetime(2008, 2, 3, 12), Precision.DAY)
    assert (
        with_tags({"GPS GPSDate": "2008:02:03", "GPS GPSTimeStamp": "99:99:99"}).when == taken.when
    )


@given(
    st.dictionaries(st.sampled_from([k for part, _ in ORDER for k in part]), st.text(max_size=30))
)
def test_any_tags_give_a_date_or_none(tags):
    taken = with_tags(tags)
    assert taken.when is None or not refusal(Moment(taken.when), now=NOW + timedelta(days=1))


def test_a_file_that_is_gone(tmp_path):
    with pytest.raises(Vanished):
        read_date(tmp_path / "gone.jpg", Header(Kind.JPEG, (1, 1)))


# What lies beside the photo

XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:ps="http://ns.adobe.com/photoshop/1.0/" xmlns:e="http://ns.adobe.com/exif/1.0/"
 {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def sidecar(attributes: str = "", elements: str = "") -> bytes:
    return XMP.format(attributes=attributes, elements=elements).encode()


@pytest.mark.parametrize("name", ["a.jpg.xmp", "a.xmp", "a.XMP"])
def test_a_sidecar_wins_over_the_file(name, tmp_path):
    written(
        tmp_path, name, sidecar(elements="<ps:DateCreated>1999-08-07T06:05:04</ps:DateCreated>")
    )
    taken = dated(tmp_path, original="2019:05:06 07:08:09")
    assert (taken.when, taken.source) == (datetime(1999, 8, 7, 6, 5, 4), Source.XMP_SIDECAR)


def test_the_sidecar_of_the_full_name_comes_first(tmp_path):
    written(tmp_path, "a.xmp", sidecar('xmp:CreateDate="2001-01-02T03:04:05"'))
    written(tmp_path, "a.jpg.xmp", sidecar('xmp:CreateDate="2002-01-02T03:04:05"'))
    assert dated(tmp_path).when == datetime(2002, 1, 2, 3, 4, 5)


def test_a_sidecar_that_repeats_the_file_leaves_it_its_zone(tmp_path):
    written(tmp_path, "a.jpg.xmp", sidecar('e:DateTimeOriginal="2019-05-06T07:08:09"'))
    taken = dated(tmp_path, original="2019:05:06 07:08:09", offset="+02:00", subsec="9")
    assert (taken.source, taken.offset_minutes) == (Source.EXIF_ORIGINAL, 120)


def test_a_bare_day_takes_the_time_of_the_same_day():
    dates = {"XMP photoshop:DateCreated": "2006-05-24", "XMP xmp:CreateDate": "2006-05-24T15:06:26"}
    assert with_tags(dates).when == datetime(2006, 5, 24, 15, 6, 26)
    dates["XMP xmp:CreateDate"] = "2010-05-24T15:06:26"
    assert with_tags(dates).when == datetime(2006, 5, 24, 12)


def test_xmp_in_utf16_and_xmp_that_breaks_off():
    text = sidecar('xmp:CreateDate="2001-01-02T03:04:05"').decode()
    want = {"xmp:CreateDate": "2001-01-02T03:04:05"}
    assert read_properties(text.encode("utf-16")) == want
    assert read_properties(text.encode()[:-40]) == want
    assert read_properties(text.encode() + b"\0" * 100) == want
    assert read_properties(b'\n <?xml version="1.0"?>' + text.partition("?>")[2].encode()) == want


def test_an_xmp_property_that_breaks_off_is_not_read():
    start, _, _ = sidecar("", "<xmp:CreateDate>2001-01-02</xmp:CreateDate>").partition(b"-02<")
    assert read_properties(start) == {}


def test_only_the_first_of_an_xmp_property_counts_and_structures_do_not():
    twice = "<xmp:CreateDate>2001<!-- x -->-01-02</xmp:CreateDate>"
    twice += "<ps:DateCreated><ps:a>2003</ps:a></ps:DateCreated>"
    packet = sidecar("", twice + "<xmp:CreateDate>2002-01-02</xmp:CreateDate>")
    assert read_properties(packet) == {"xmp:CreateDate": "2001-01-02"}


def test_xmp_that_is_too_large_is_not_read():
    packet = sidecar('xmp:CreateDate="2001-01-02"')
    assert read_properties(packet + b" " * MAX_PACKET) == {}


def test_xmp_that_declares_entities_is_not_read():
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    assert read_properties(bomb + sidecar('xmp:CreateDate="2001-01-02"').split(b"?>", 1)[1]) == {}


@pytest.mark.parametrize(
    ("photo", "sidecar_name"),
    [
        ("IMG.jpg", "IMG.jpg.json"),
        ("IMG.jpg", "IMG.jpg.supplemental-metadata.json"),
        ("IMG.jpg", "IMG.jpg.supplemental-me.json"),
        ("IMG(1).jpg", "IMG.jpg(1).json"),
        ("IMG(1).jpg", "IMG.jpg.supplemental-metadata(1).json"),
        ("IMG(1).jpg", "IMG(1).jpg.json"),
        ("IMG-edited.jpg", "IMG.jpg.supplemental-metadata.json"),
        ("IMG-bearbeitet(2).jpg", "IMG.jpg.supplemental-metadata(2).json"),
        (
            "PXL_20210102_030405678.PORTRAIT.jpg",
            "PXL_20210102_030405678.PORTRAIT.jpg.supplement.json",
        ),
        ("a" * 43 + ".jpg", "a" * 43 + ".jp.json"),
        ("b" * 47 + ".jpg", "b" * 46 + ".json"),
    ],
)
def test_names_of_takeout_files(photo, sidecar_name):
    assert len(sidecar_name) <= 51
    assert sidecar_name in list(takeout_names(photo))


@given(st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), max_size=60))
def test_takeout_names_keep_to_the_cut(name):
    for candidate in takeout_names(name + ".jpg"):
        stem = candidate.removesuffix(".json")
        assert stem != candidate
        assert len(stem) <= 46 or stem.endswith(")")


def test_takeout_dates_and_people(tmp_path):
    tree = {"photoTakenTime": {"timestamp": "1546398245"}, "people": [{"name": "Ada"}, {}, 3]}
    written(tmp_path, "a.jpg.supplemental-metadata.json", json.dumps(tree).encode())
    taken = dated(tmp_path, modified="2019:05:06 07:08:09")
    assert taken == TakenAt(datetime(2019, 1, 2, 3, 4, 5), 0, Source.TAKEOUT)
    found = read_takeout(str(tmp_path / "a.jpg"), neighbours(str(tmp_path / "a.jpg")))
    assert found == Takeout(1546398245.0, ("Ada",))


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"[]", b"{", b'{"photoTakenTime": 3}', b'{"photoTakenTime": {"timestamp": {}}}'),
        *(b'{"photoTakenTime": {"timestamp": "1e999"}}', b"[" * 100_000, b"\xff\xfe"),
    ],
)
def test_json_that_is_none_of_googles(content, tmp_path):
    written(tmp_path, "a.jpg.json", content)
    assert dated(tmp_path, original="2019:05:06 07:08:09").source is Source.EXIF_ORIGINAL
    assert dated(tmp_path).source is Source.MTIME


def test_a_new_sidecar_is_noticed(tmp_path):
    assert dated(tmp_path, original="2019:05:06 07:08:09").source is Source.EXIF_ORIGINAL
    before = tmp_path.stat().st_mtime_ns
    written(tmp_path, "a.jpg.xmp", sidecar('xmp:CreateDate="2001-01-02T03:04:05"'))
    os.utime(tmp_path, ns=(before, before + 1_000_000_000))
    assert dated(tmp_path, original="2019:05:06 07:08:09").source is Source.XMP_SIDECAR


# EXIF as attackers write it


def directory(entries: list[bytes], following: int) -> bytes:
    return struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", following)


def test_exif_that_would_keep_a_reader_busy_for_minutes():
    # 2,000 entries of 999 values each, in a chain of directories that overlap.
    many = [struct.pack("<HHII", 0x9999, 1, 999, 8) for _ in range(2000)]
    block = b"II*\0\x08\0\0\0" + directory(many, 9) + bytes(100)
    assert exif_module.read_tags(block) == {}


def test_exif_reading_is_bounded():
    bounded = exif_module._Bounded(io.BytesIO(bytes(100)))
    with pytest.raises(exif_module._Exhausted):
        for _ in range(exif_module.MAX_READS + 1):
            bounded.seek(0)
            bounded.read(1)
    with pytest.raises(exif_module._Exhausted):
        exif_module._Bounded(io.BytesIO(bytes(exif_module.MAX_BYTES + 1))).read()


@given(
    st.binary(max_size=300),
    st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"Exif\0\0", b""]),
)
def test_exif_of_any_bytes_is_read_or_passed_over(data, start):
    tags = exif_module.read_tags(start + data)
    assert 1 <= exif_module.orientation(tags) <= 8


def test_exif_says_nothing_on_the_console(tmp_path, capfd, caplog):
    block = exif(original="2019:05:06 07:08:09", make="x")
    exif_module.read_tags(block[:40] + b"\xff" * 20 + block[60:])
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_trust_in_dates():
    assert is_trusted("exif-original", "second")
    assert is_trusted("user", "year")
    assert is_trusted("file-name", "day")
    assert not is_trusted("mtime", "second")
    assert not is_trusted("none", "none")
