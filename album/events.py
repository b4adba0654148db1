"""What the long-running work says about itself. The command line turns it into bars and lines."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from album.errors import StrPath

if TYPE_CHECKING:
    from db.journal.journal import Change


@dataclass(frozen=True, slots=True)
class Scanned:
    """The folders were walked."""

    found: int
    todo: int
    """Files that have to be read."""
    unchanged: int
    gone: int
    """Known files that are not where they were; some may turn out to have moved."""


@dataclass(frozen=True, slots=True)
class PhotoDone:
    """One file was analysed, or its picture was known already (`known`).

    `change` says what another program has done to a known photo: 'edited' its metadata, 'replaced'
    it by the same picture re-saved.
    """

    path: StrPath
    faces: int
    known: bool = False
    change: str = ""


@dataclass(frozen=True, slots=True)
class ClipDone:
    """One clip was analysed; `faces` are its people. `problem` says what was wrong with it."""

    path: StrPath
    faces: int
    frames: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PhotoFailed:
    """One file could not be read; the reason is recorded in the library, the traceback is not."""

    path: StrPath
    reason: str
    trace: str = ""
    code: str = ""
    """Of the `AlbumError`."""


@dataclass(frozen=True, slots=True)
class FileSkipped:
    """A file that was not read.

    It is a 'clip' where none are wanted, 'live', 'other' or 'forgotten', or another process that
    indexes the same library has read it ('elsewhere').
    """

    path: StrPath
    kind: str


@dataclass(frozen=True, slots=True)
class WorkersChanged:
    """So many workers read photos now; `problem` says in a sentence why one does not."""

    workers: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """Of the files that were gone, this many were found elsewhere."""

    files: int


@dataclass(frozen=True, slots=True)
class GroupingFaces:
    """The faces of the whole library are being grouped into people."""

    faces: int


@dataclass(frozen=True, slots=True)
class Grouped:
    """The faces were grouped."""

    people: int
    passers_by: int
    faces: int
    reassigned: int = 0
    """Faces that went from one person to another, both of them people that nobody has touched."""


@dataclass(frozen=True, slots=True)
class EmotionsPending:
    """The emotions of faces in so many known photos and clips are going to be classified."""

    photos: int


@dataclass(frozen=True, slots=True)
class EmotionsClassified:
    """What so many faces of a photo or clip express is known now; `problem` says why not."""

    path: Path
    faces: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class EmotionsUnknown:
    """Of so many faces in the library it is not known what they express."""

    faces: int


@dataclass(frozen=True, slots=True)
class PicturesPending:
    """So many files are read once for the digests of their pictures, which are new."""

    files: int


@dataclass(frozen=True, slots=True)
class PictureRead:
    """The digest of the picture in a file is known now, if it could be read."""

    path: Path


@dataclass(frozen=True, slots=True)
class TagsToRead:
    """The tags of so many photos are going to be read."""

    photos: int


@dataclass(frozen=True, slots=True)
class TagsRead:
    """The tags of a photo were read; they know of so many faces."""

    path: Path
    faces: int


@dataclass(frozen=True, slots=True)
class TagsUnread:
    """The tags of a file could not be read."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class TagConflict:
    """A tag that contradicts a decision of the user, which stands.

    Attributes
    ----------
    photo_id, face_id : int
    tag : str
        The name in the tag.
    person_id : int
        Who has the face; 0 for nobody.
    name : str or None
        Of that person.
    path : str
        Of a file that holds the photo.
    """

    photo_id: int
    face_id: int
    tag: str
    person_id: int
    name: str | None
    path: str = ""


@dataclass(slots=True)
class ImportReport:
    """What an import of tags did, or would do.

    Attributes
    ----------
    photos, tagged, regions : int
        Photos read, those with tags about people, and places of faces in them.
    names : int
        Faces assigned to a person by a tag.
    known : int
        Tags that agree with the library.
    followed : int
        Faces that moved with others of their group.
    founded : int
        Faces that no detector had found.
    people : dict of str to int
        Faces given to each person, by name.
    named, new : int
        People found before who got a name, and people founded.
    twice : int
        Photos in which somebody is twice by two tags.
    overruled, doubled, hints : int
        Tags that contradict the user and were not reported before; tags that name somebody a second
        time where there is no face; photos whose names without a region were stored.
    conflicts : list of TagConflict
        The tags that were overruled.
    notes : list of str
    failures : list of tuple
        Path and sentence of each file whose tags could not be read.
    cropped : list of str
        Photos of another shape than their regions were drawn in.
    """

    photos: int = 0
    tagged: int = 0
    regions: int = 0
    names: int = 0
    known: int = 0
    followed: int = 0
    founded: int = 0
    people: dict[str, int] = field(default_factory=dict)
    named: int = 0
    new: int = 0
    twice: int = 0
    overruled: int = 0
    doubled: int = 0
    hints: int = 0
    conflicts: list[TagConflict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    cropped: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TagsImported:
    """What tags say was stored; `change` is None after a dry run."""

    report: ImportReport
    change: "Change | None"


@dataclass(slots=True)
class IndexReport:
    """What one run of the index did; the sum of its events."""

    found: int = 0
    unchanged: int = 0
    photos: int = 0
    known: int = 0
    edited: int = 0
    """Known photos whose metadata another program has edited."""
    replaced: list[StrPath] = field(default_factory=list)
    """Known photos that another program has re-saved."""
    gone: int = 0
    moved: int = 0
    clips: int = 0
    frames: int = 0
    skipped_clips: int = 0
    live: int = 0
    """Clips that belong to Live Photos."""
    forgotten: int = 0
    elsewhere: int = 0
    """Files that other processes have read, which index the same library."""
    faces: int = 0
    people: int = 0
    passers_by: int = 0
    reassigned: int = 0
    emotions: int = 0
    """Faces known before of which is known now what they express."""
    without_emotion: int = 0
    """Faces of which that is not known, at the end."""
    seconds: float = 0.0
    failures: list[PhotoFailed] = field(default_factory=list)
    workers: int = 0
    """The most that read at the same time; 0 where this process did."""
    problems: list[str] = field(default_factory=list)
    """What was wrong with workers, a sentence each."""
    tags: TagsImported | None = None

    @property
    def changes_anything(self) -> bool:
        """Whether any file has come, gone, changed or failed."""
        files = self.photos, self.clips, self.known, self.edited, self.gone
        return any((*files, self.replaced, self.failures))

    def add(self, event: object) -> None:
        """Count one event."""
        match event:
            case Scanned(found=found, unchanged=unchanged, gone=gone):
                self.found, self.unchanged, self.gone = found, unchanged, gone
            case Moved(files=files):
                self.moved = files
            case PhotoDone(change="edited"):
                self.edited += 1
            case PhotoDone(path=path, change="replaced"):
                self.replaced.append(path)
            case PhotoDone(known=True):
                self.known += 1
            case PhotoDone(faces=faces):
                self.photos += 1
                self.faces += faces
            case ClipDone(path=path, faces=faces, frames=frames, problem=problem):
                self.clips += 1
                self.faces += faces
                self.frames += frames
                if problem:
                    self.failures.append(PhotoFailed(path, problem))
            case FileSkipped(kind="clip" | "live" | "forgotten" | "elsewhere" as kind):
                name = "skipped_clips" if kind == "clip" else kind
                setattr(self, name, getattr(self, name) + 1)
            case PhotoFailed():
                self.failures.append(event)
            case Grouped(people=people, passers_by=passers_by, reassigned=reassigned):
                self.people, self.passers_by = people, passers_by
                self.reassigned += reassigned
            case _:
                self._add_later(event)

    def _add_later(self, event: object) -> None:
        """Count what comes after the reading."""
        match event:
            case TagsImported():
                self.tags = event
            case EmotionsClassified(path=path, faces=faces, problem=problem):
                self.emotions += faces
                if problem:
                    self.failures.append(PhotoFailed(path, problem))
            case EmotionsUnknown(faces=faces):
                self.without_emotion = faces
            case WorkersChanged(workers=workers, problem=problem):
                self.workers = max(self.workers, workers)
                if problem and problem not in self.problems:
                    self.problems.append(problem)


Event = (
    Scanned
    | PhotoDone
    | ClipDone
    | FileSkipped
    | PhotoFailed
    | WorkersChanged
    | Moved
    | GroupingFaces
    | Grouped
    | EmotionsPending
    | EmotionsClassified
    | EmotionsUnknown
    | PicturesPending
    | PictureRead
    | TagsToRead
    | TagsRead
    | TagsUnread
    | TagsImported
)

FILE_DONE = (
    PhotoDone,
    ClipDone,
    PhotoFailed,
    FileSkipped,
    PictureRead,
    TagsRead,
    EmotionsClassified,
)
"""Each of these is the last event about one file of the current pass."""
ENOUGH = 16
"""Files from which on the time left is more than a guess."""


@dataclass(slots=True)
class Progress:
    """How far a pass over files is.

    Attributes
    ----------
    started : float
        Seconds, by any clock.
    total, done, faces, failed : int
        Files to be read, files read, faces found, and files that could not be read.
    """

    started: float
    total: int = 0
    done: int = 0
    faces: int = 0
    failed: int = 0

    def begin(self, total: int, now: float) -> None:
        """Begin a pass over so many files."""
        self.started, self.total = now, total
        self.done = self.faces = self.failed = 0

    def add(self, event: object, now: float) -> bool:
        """Count an event; return whether a file is done."""
        match event:
            case (
                Scanned(todo=total)
                | PicturesPending(files=total)
                | TagsToRead(photos=total)
                | EmotionsPending(photos=total)
            ):
                self.begin(total, now)
        if not isinstance(event, FILE_DONE):
            return False
        self.done += 1
        self.faces += getattr(event, "faces", 0)
        self.failed += isinstance(event, PhotoFailed)
        return True

    def per_second(self, now: float) -> float:
        """Return how many files are read in a second."""
        return self.done / max(now - self.started, 1e-3)

    def seconds_left(self, now: float) -> float | None:
        """Return how long the pass will go on; None where it is too early to tell."""
        if self.done < ENOUGH:
            return None
        return max(self.total - self.done, 0) / self.per_second(now)
