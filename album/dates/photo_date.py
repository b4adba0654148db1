"""Choose when a photo or clip was taken from the claims of its metadata, name and sidecars.

Claims are weighed in a fixed order, the first believable one counts, and every claim that was
refused is kept with the reason. The order follows what photo managers agree on, with one departure:
EXIF's date of last change comes after everything that speaks of the taking.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from pathlib import Path, PurePath

from album.dates.sources import Source, sigma_years
from album.dates.text import Moment, Precision, from_timestamp, parse, parse_file_name
from album.errors import StrPath, reading, shown
from album.media.headers import Header
from album.metadata.fields import CLIP_LOCAL, CLIP_UTC
from album.metadata.sidecars import Takeout, neighbours, read_takeout
from album.metadata.xmp_properties import DATES, GPS_TIME

FUTURE = timedelta(days=30)
FIRST_PHOTO = 1826
"""The oldest photograph that is left was taken in 1826 or 1827. Scans of old prints are dated by
hand, so nothing later can be refused for its age."""

_EPOCH_DAYS = {
    (1904, 1, 1): "the zero of QuickTime clocks",
    (1969, 12, 31): "the zero of Unix clocks",
    (1970, 1, 1): "the zero of Unix clocks",
    (1979, 12, 31): "the zero of DOS and camera clocks",
    (1980, 1, 1): "the zero of DOS and camera clocks",
}
_EPOCH_MINUTES = {
    (1899, 12, 30): "the zero of spreadsheet dates",
    (1999, 11, 30): "an empty date field",
    (2000, 1, 1): "where camera clocks restart",
    (2001, 1, 1): "the zero of Apple clocks",
    (2002, 11, 30): "an empty date field",
}
"""Believed unless within the first minute of the day: real photos exist."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement in some source about when a photo was taken.

    Attributes
    ----------
    source : Source
    text : str
        As the source has it.
    when : datetime or None
        Naive; None where the text is no date.
    offset_minutes : int or None
        East of UTC.
    precision : Precision
    refusal : str
        Why it is not believed; empty where it may be.
    """

    source: Source
    text: str
    when: datetime | None
    offset_minutes: int | None = None
    precision: Precision = Precision.SECOND
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class TakenAt:
    """When a photo was taken, as far as anything believable says.

    Attributes
    ----------
    when : datetime or None
        Naive, on the clock of the place; UTC for sources that know nothing else (GPS, Takeout, a
        clip's creation time), whose `offset_minutes` is 0. None when nothing was believable.
    offset_minutes : int or None
        East of UTC; None when nothing says.
    source : Source
        Where the date comes from.
    precision : Precision
        How much of the date was written.
    refused : tuple of str
        Claims that were not believed, each with its reason.
    claims : tuple of Claim
        All claims, best first, whether believed or not.
    people : tuple of str
        Names that Google Photos has for people in it, without places.
    """

    when: datetime | None
    offset_minutes: int | None = None
    source: Source = Source.NONE
    precision: Precision = Precision.SECOND
    refused: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = field(default=(), compare=False)
    people: tuple[str, ...] = field(default=(), compare=False)

    @property
    def sigma_years(self) -> float:
        """Standard deviation of the true date around `when` in years; infinite without a date."""
        return sigma_years(self.source, self.precision)


@dataclass(frozen=True, slots=True)
class _Claim:
    source: Source
    text: str
    moment: Moment | None


def read_date(
    path: StrPath,
    header: Header,
    stat: os.stat_result | None = None,
    *,
    names: frozenset[str] | None = None,
    now: datetime | None = None,
) -> TakenAt:
    """Find out when a photo or clip was taken. Never raises for what files contain.

    Parameters
    ----------
    path : str or PathLike
        The file; Google's JSON is looked for beside it.
    header : Header
        What `album.media.headers.read_header` returned for it.
    stat : os.stat_result, optional
        Of the file, where the caller has it.
    names : frozenset of str, optional
        All names in its folder, where the caller knows them; else the folder is listed once.
    now : datetime, optional
        Naive local time that decides what is in the future.

    Raises
    ------
    Vanished, Unreadable
        When `stat` is not given and the file is not there any more.
    """
    place = os.fspath(path)
    if stat is None:
        with reading(path):
            stat = Path(path).stat()
    beside = neighbours(place) if names is None else names
    takeout = read_takeout(place, beside)
    claims = tuple(_judge(claim, now) for claim in _claims(place, header.tags, stat, takeout))
    return choose(claims, people=takeout.people if takeout else ())


def _judge(claim: _Claim, now: datetime | None) -> Claim:
    reason = refusal(claim.moment, now=now)
    if claim.moment is None:
        return Claim(claim.source, claim.text, None, refusal=reason)
    moment = claim.moment if reason else _coarsened(claim.moment)
    return Claim(
        claim.source, claim.text, moment.when, moment.offset_minutes, moment.precision, reason
    )


def choose(claims: Sequence[Claim], *, people: tuple[str, ...] = ()) -> TakenAt:
    """Return the date that the first believable claim gives; see `TakenAt`."""
    refused: list[str] = []
    for claim in claims:
        if claim.refusal:
            refused.append(f"{claim.source} {claim.text!r}: {claim.refusal}")
        elif claim.when:
            return TakenAt(
                claim.when,
                claim.offset_minutes,
                claim.source,
                claim.precision,
                refused=tuple(refused),
                claims=tuple(claims),
                people=people,
            )
    return TakenAt(None, refused=tuple(refused), claims=tuple(claims), people=people)


def refusal(moment: Moment | None, *, now: datetime | None = None) -> str:
    """Return why a date cannot be believed; empty when it can.

    Refused are what is no date, days more than 30 ahead, days before photography, and the days at
    which clocks start when nobody has set them.
    """
    if moment is None:
        return "not a date"
    when = moment.when
    if when > (now or datetime.now()) + FUTURE:
        return "in the future"
    if when.year < FIRST_PHOTO:
        return "before the first photograph"
    if moment.precision in (Precision.SECOND, Precision.DAY):
        day = (when.year, when.month, when.day)
        if day in _EPOCH_DAYS:
            return _EPOCH_DAYS[day]
        if day in _EPOCH_MINUTES and (when.hour, when.minute) == (0, 0):
            return _EPOCH_MINUTES[day]
    return ""


def _claims(
    path: str, tags: Mapping[str, str], stat: os.stat_result, takeout: Takeout | None
) -> Iterator[_Claim]:
    yield from _sidecar_claims(tags)
    yield from _exif_claims(tags, "Original")
    yield from _exif_claims(tags, "Digitized")
    yield from _text_claims(tags, {CLIP_LOCAL: Source.CLIP_LOCAL, CLIP_UTC: Source.CLIP_UTC})
    yield from _xmp_claims(_after("XMP ", tags), Source.XMP)
    yield from _text_claims(tags, {"IPTC DateTimeCreated": Source.IPTC})
    yield from _gps_claims(tags)
    if takeout and takeout.taken is not None:
        moment = from_timestamp(takeout.taken)
        yield _Claim(Source.TAKEOUT, f"{takeout.taken:.0f}", moment)
    yield from _exif_claims(tags, "")
    named = parse_file_name(path)
    if named:
        yield _Claim(Source.FILE_NAME, shown(PurePath(path).name), named)
    yield _mtime_claim(stat)


def _exif_claims(tags: Mapping[str, str], which: str) -> Iterator[_Claim]:
    """One of EXIF's three dates with its own zone and sub-seconds (EXIF 2.32, 4.6.5)."""
    name, source = {
        "Original": ("EXIF DateTimeOriginal", Source.EXIF_ORIGINAL),
        "Digitized": ("EXIF DateTimeDigitized", Source.EXIF_DIGITIZED),
        "": ("Image DateTime", Source.EXIF_MODIFIED),
    }[which]
    text = tags.get(name, "")
    # Cameras without a clock write spaces, or zeros with the punctuation kept.
    if text.strip(" :"):
        offset = tags.get(f"EXIF OffsetTime{which}") or tags.get("EXIF OffsetTime", "")
        subsec = tags.get(f"EXIF SubSecTime{which}", "")
        yield _Claim(source, text, parse(text, offset=offset, subsec=subsec))


def _text_claims(tags: Mapping[str, str], sources: Mapping[str, Source]) -> Iterator[_Claim]:
    for name, source in sources.items():
        if name in tags:
            yield _Claim(source, tags[name], parse(tags[name]))


def _after(prefix: str, tags: Mapping[str, str]) -> dict[str, str]:
    return {k.removeprefix(prefix): v for k, v in tags.items() if k.startswith(prefix)}


def _xmp_claims(dates: Mapping[str, str], source: Source) -> Iterator[_Claim]:
    claims = [_Claim(source, dates[name], parse(dates[name])) for name in DATES if name in dates]
    for claim in claims:
        # A bare day beside a full date of the same day: the day was written by a person, the time
        # by the camera, and both are right.
        finer = [c for c in claims if _refines(c.moment, claim.moment)]
        yield finer[0] if finer else claim


def _refines(fine: Moment | None, coarse: Moment | None) -> bool:
    return (
        fine is not None
        and coarse is not None
        and coarse.precision is Precision.DAY
        and fine.precision is Precision.SECOND
        and fine.when.date() == coarse.when.date()
    )


def _sidecar_claims(tags: Mapping[str, str]) -> Iterator[_Claim]:
    """Read a sidecar: editors put there what a person corrected, so it wins over the file.

    Where it only repeats what the file says, the file knows more: sub-seconds and the zone.
    """
    original = next(_exif_claims(tags, "Original"), None)
    for claim in _xmp_claims(_after("Sidecar ", tags), Source.XMP_SIDECAR):
        same = (
            original
            and original.moment
            and claim.moment
            and (abs(original.moment.when - claim.moment.when) < timedelta(seconds=1))
        )
        yield original if original and same else claim


def _gps_claims(tags: Mapping[str, str]) -> Iterator[_Claim]:
    day = tags.get("GPS GPSDate", "")
    if day:
        text = f"{day} {tags.get('GPS GPSTimeStamp', '')}".strip()
        moment = parse(text) or parse(day)
        yield _Claim(Source.GPS, text, replace(moment, offset_minutes=0) if moment else None)
    text = tags.get(f"XMP {GPS_TIME}", "")
    if text:
        moment = parse(text)
        yield _Claim(Source.GPS, text, replace(moment, offset_minutes=0) if moment else None)


def _mtime_claim(stat: os.stat_result) -> _Claim:
    """Take the earlier of last change and birth, on this machine's clock."""
    seconds = min(stat.st_mtime, getattr(stat, "st_birthtime", stat.st_mtime))
    try:
        local = datetime.fromtimestamp(seconds).astimezone()
        offset = local.utcoffset() or timedelta()
        moment = Moment(local.replace(tzinfo=None), int(offset.total_seconds() // 60))
    except (OverflowError, ValueError, OSError):
        moment = None
    return _Claim(Source.MTIME, f"{seconds:.0f}", moment)


def _coarsened(moment: Moment) -> Moment:
    """Take midnight for a bare day, and that of New Year for a bare year: how people date scans."""
    if moment.precision is not Precision.SECOND or moment.when.time() != time(0):
        return moment
    if (moment.when.month, moment.when.day) == (1, 1):
        return Moment(moment.when.replace(month=7), moment.offset_minutes, Precision.YEAR)
    return Moment(moment.when.replace(hour=12), moment.offset_minutes, Precision.DAY)


def claim_records(claims: Sequence[Claim]) -> tuple[dict[str, object], ...]:
    """Return claims as the library stores them."""
    return tuple(
        {
            "source": str(claim.source),
            "text": claim.text,
            "when": claim.when.isoformat() if claim.when else None,
            "offset": claim.offset_minutes,
            "precision": str(claim.precision),
            "refusal": claim.refusal,
        }
        for claim in claims
    )
