import pytest

from album.metadata import xmp
from album.tags.read import read
from tests.album.tags import samples
from tests.album.tags.samples import mwg

AREA = '<mwg-rs:Area stArea:x=".5" stArea:y=".5" stArea:w=".2" stArea:h=".4"/>'


def test_digikam():
    tags = read([samples.DIGIKAM.encode()])
    assert [(r.name, r.kind) for r in tags.mwg] == [("Ida", "Face"), ("Rex", "Pet")]
    assert tags.mwg[0].box == pytest.approx((0.1, 0.2, 0.3, 0.5))
    assert tags.mp[0].box == pytest.approx((0.1, 0.2, 0.3, 0.5))
    assert [r.name for r in tags.faces] == ["Ida"]
    assert tags.applied_to == (800, 600)
    assert tags.keywords == ("Ida", "Turku")
    assert tags.hierarchical == ("People|Ida", "Places|Turku")
    assert tags.tags_list == ("People/Ida", "Places/Turku")


def test_lightroom_leaves_out_the_unit():
    (region,) = read([samples.LIGHTROOM.encode()]).mwg
    assert region.box == pytest.approx((0.45, 0.4, 0.55, 0.6))
    assert region.rotation == pytest.approx(-1.5708)


def test_exiftool_and_darktable():
    tags = read([samples.EXIFTOOL.encode()])
    assert tags.people == ("Niaz",)
    assert tags.mwg[0].box == pytest.approx((0.3, 0.15, 0.7, 0.65))
    assert read([samples.DARKTABLE.encode()]).keywords == ("Anna & Åke",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
def test_encodings(encoding):
    text = samples.DIGIKAM if encoding == "utf-16" else samples.LIGHTROOM
    assert read([text.encode(encoding)]).mwg


def test_circles_are_relative_to_the_shorter_side():
    area = '<mwg-rs:Area stArea:x=".5" stArea:y=".5" stArea:d=".5" stArea:unit="normalized"/>'
    size = '<mwg-rs:AppliedToDimensions stDim:w="200" stDim:h="100" stDim:unit="pixel"/>'
    assert read([mwg(area, size=size)]).mwg[0].box == pytest.approx((0.375, 0.25, 0.625, 0.75))
    assert read([mwg(area)]).mwg[0].box == pytest.approx((0.25, 0.25, 0.75, 0.75))


def test_pixels_need_the_size():
    area = (
        '<mwg-rs:Area stArea:x="50" stArea:y="50" stArea:w="20" stArea:h="40" stArea:unit="pixel"/>'
    )
    size = '<mwg-rs:AppliedToDimensions stDim:w="100" stDim:h="100"/>'
    assert read([mwg(area, size=size)]).mwg[0].box == pytest.approx((0.4, 0.3, 0.6, 0.7))
    assert read([mwg(area)]).mwg == ()


def test_a_region_without_a_type_is_a_face():
    (region,) = read([mwg(AREA)]).faces
    assert region.kind == ""


@pytest.mark.parametrize("value", ["x", "nan", "inf", "-1", ""])
def test_senseless_numbers_leave_out_the_region(value):
    assert read([mwg(AREA.replace('w=".2"', f'w="{value}"'))]).mwg == ()


def test_mwg_before_mp():
    both = read([samples.DIGIKAM.encode()])
    assert both.regions == both.mwg
    alone = samples.packet(
        '<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag><rdf:li>'
        '<rdf:Description MPReg:PersonDisplayName="Ida" MPReg:Rectangle="0, 0, 0.5, 0.5"/>'
        '</rdf:li><rdf:li MPReg:Rectangle="1,2,3"/></rdf:Bag></MPRI:Regions></MP:RegionInfo>'
    )
    (region,) = read([alone]).regions
    assert (region.name, region.box) == ("Ida", (0, 0, 0.5, 0.5))


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]>"
)
HOSTILE = {
    "bomb": BOMB + samples.LIGHTROOM.replace("holiday", "&i;"),
    "external": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    + samples.LIGHTROOM.replace("holiday", "&a;"),
    "external dtd": '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">' + samples.LIGHTROOM,
    "undeclared": samples.LIGHTROOM.replace("holiday", "&a;"),
    "broken": samples.LIGHTROOM[:-40],
    "deep": "<a>" * 100_000 + "</a>" * 100_000,
    "no xmp": "<a/>",
    "text": "no xml",
    "empty": " ",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("form", HOSTILE)
def test_hostile_and_broken_packets_are_refused(form, encoding):
    with pytest.raises(xmp.BadPacket):
        read([HOSTILE[form].encode(encoding)])


def test_huge_packets_are_refused(monkeypatch):
    monkeypatch.setattr(xmp, "MAX_PACKET", 1000)
    with pytest.raises(xmp.BadPacket, match="bytes"):
        read([samples.LIGHTROOM.encode()])
