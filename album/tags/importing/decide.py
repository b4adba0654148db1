"""Whose tagged faces become: pure decisions, before anything is changed.

A name in a tag is somebody's word, but not the user's own here: it goes before what was found
automatically, and gives way to what the user has said, of a face or by naming its person.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from album.tags.importing.names import spelling
from db.people.people import folded


@dataclass(frozen=True, slots=True)
class Claim:
    """A tag that says of a face whose it is.

    Attributes
    ----------
    face_id, photo_id : int
    name : str
        As `album.tags.importing.names.cleaned` returns it.
    seen : bool
        Whether a detector found the face, too.
    """

    face_id: int
    photo_id: int
    name: str
    seen: bool = True

    @property
    def key(self) -> str:
        """What spellings of one name have in common."""
        return folded(self.name)


@dataclass(frozen=True, slots=True)
class Standing:
    """A face and whose it is; ``person_id`` 0 and ``source`` '' for nobody's."""

    face_id: int
    photo_id: int
    person_id: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What the library says, as far as an import is concerned.

    Attributes
    ----------
    faces : mapping of int to Standing
        By face id: those claimed, and all faces of the people who have one of them or are named in
        a claim.
    names : mapping of int to str
        Of everybody who has a name, by person id.
    named_by_user : collection of int
        People whose name is the user's word, and not that of an earlier import.
    touched : collection of int
        People about whom the user has said anything.
    rejected : collection of tuple of int
        Face and person, who is not that person.
    different : collection of tuple of int
        Pairs of people, the smaller id first, who are known to be two.
    exempt : collection of int
        Photos in which a person may be twice.
    """

    faces: Mapping[int, Standing]
    names: Mapping[int, str] = field(default_factory=dict)
    named_by_user: Collection[int] = ()
    touched: Collection[int] = ()
    rejected: Collection[tuple[int, int]] = ()
    different: Collection[tuple[int, int]] = ()
    exempt: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """The person whom a name means.

    Attributes
    ----------
    name : str
        To be given, where the person is new here or has none yet.
    person_id : int
        0: to be founded.
    faces : tuple of int
        To become the person's by the word of the tags.
    followers : tuple of int
        To become the person's because faces of their group do.
    """

    name: str
    person_id: int
    faces: tuple[int, ...] = ()
    followers: tuple[int, ...] = ()


@dataclass(slots=True)
class Decision:
    """What an import does.

    Attributes
    ----------
    targets : list of Target
    named : dict of int to str
        People found automatically who get a name, by id.
    freed : set of int
        Faces that are nobody's until the next grouping.
    exempt : set of int
        Photos in which a person is twice by two tags on two faces.
    known : int
        Tags that say what is known already.
    overruled : list of Claim
        Tags that contradict the user's own word.
    doubled : list of Claim
        Tags that name somebody a second time in a photo, where no face is.
    """

    targets: list[Target] = field(default_factory=list)
    named: dict[int, str] = field(default_factory=dict)
    freed: set[int] = field(default_factory=set)
    exempt: set[int] = field(default_factory=set)
    known: int = 0
    overruled: list[Claim] = field(default_factory=list)
    doubled: list[Claim] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.targets or self.freed or self.exempt)


def decide(claims: Sequence[Claim], known: Known) -> Decision:
    """Decide whose the tagged faces become, and which faces follow them.

    - What the user said of a face stays; a face is not given to whom it was said not to be.
    - A person whom the user has named keeps every face, whatever tags say of it and of others in
      the same photo.
    - A group of faces that was found automatically, and in which tags know one name only, is that
      person: it gets the name, or, where somebody has it already, its faces go there. Faces
      that can't (that person is in the photo already, they are said not to be them) stay behind.
    - A group in which tags know several names was wrong: each face goes where its tag says, and the
      others are nobody's until they are grouped anew, by these.

    Parameters
    ----------
    claims : sequence of Claim
        One for each face at most.
    known : Known
    """
    out = Decision()
    by_name = _people_by_name(known)
    before, valid = -1, [claim for claim in claims if _is_valid(claim, known, by_name, out)]
    while len(valid) != before:  # whom a name means depends on the tags that count
        before = len(valid)
        groups = _groups(valid, known)
        targets = _targets(valid, known, by_name, groups, out)
        valid = [claim for claim in valid if _is_allowed(claim, targets, known, out)]
        valid = _once_a_photo(valid, known, targets, out)
    moving = {key: _moving(mine, targets[key], known, out) for key, mine in _by_key(valid).items()}
    followers = _followers(groups, targets, moving, known, out)
    for key, (faces, stays) in moving.items():
        name, person_id = targets[key]
        out.known += stays
        if faces or followers[key] or person_id in out.named:
            target = Target(name, person_id, tuple(faces), tuple(sorted(followers[key])))
            out.targets.append(target)
    return out


def _people_by_name(known: Known) -> dict[str, int]:
    """Return whom a name means: of several, who has most faces."""
    sizes = Counter(one.person_id for one in known.faces.values())
    order = sorted(known.names.items(), key=lambda item: (sizes[item[0]], -item[0]))
    return {folded(name): person_id for person_id, name in order}


def _is_valid(claim: Claim, known: Known, by_name: Mapping[str, int], out: Decision) -> bool:
    """Tell whether a claim says something new that the user has not contradicted."""
    standing = known.faces[claim.face_id]
    name = known.names.get(standing.person_id)
    if name is None:
        return True
    agrees = folded(name) == claim.key
    if not agrees and (standing.source == "user" or standing.person_id in known.named_by_user):
        out.overruled.append(claim)
        return False
    # Of two people of one name, either may be meant: whose face it is stays.
    if agrees and (standing.source == "user" or by_name[claim.key] != standing.person_id):
        out.known += 1
        return False
    return True


def _is_allowed(
    claim: Claim, targets: Mapping[str, tuple[str, int]], known: Known, out: Decision
) -> bool:
    """Tell whether the face was not said to be somebody else than the one meant."""
    if (claim.face_id, targets[claim.key][1]) in known.rejected:
        out.overruled.append(claim)
        return False
    return True


def _by_key(claims: Sequence[Claim]) -> dict[str, list[Claim]]:
    found: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        found[claim.key].append(claim)
    return dict(found)


def _once_a_photo(
    claims: Sequence[Claim],
    known: Known,
    targets: Mapping[str, tuple[str, int]],
    out: Decision,
) -> list[Claim]:
    """Leave nobody twice in a photo, unless two tags say so of two faces that are really there."""
    kept: list[Claim] = []
    out.exempt.clear()
    for key, mine in _by_key(claims).items():
        said = _said_in(known, targets[key][1])
        photos: dict[int, list[Claim]] = defaultdict(list)
        for claim in mine:
            photos[claim.photo_id].append(claim)
        for photo_id, here in photos.items():
            seen, is_exempt = [claim for claim in here if claim.seen], photo_id in known.exempt
            if not is_exempt and said.get(photo_id, set()) - {claim.face_id for claim in here}:
                out.overruled += here  # by the user's word, another face there is theirs
            elif len(seen) > 1:  # also where an earlier import has made the photo exempt
                out.exempt |= set() if is_exempt else {photo_id}
                kept += seen
                out.doubled += [claim for claim in here if not claim.seen]
            elif is_exempt:
                kept += here
            else:
                best = max(here, key=lambda claim: claim.seen)
                kept.append(best)
                out.doubled += [claim for claim in here if claim is not best]
    order = {claim.face_id: place for place, claim in enumerate(claims)}
    return sorted(kept, key=lambda claim: order[claim.face_id])


def _said_in(known: Known, person_id: int) -> dict[int, set[int]]:
    """Return the faces that are a person's by the user's word, by photo."""
    named = person_id in known.named_by_user
    found: dict[int, set[int]] = defaultdict(set)
    for one in known.faces.values():
        if person_id and one.person_id == person_id and (named or one.source == "user"):
            found[one.photo_id].add(one.face_id)
    return found


def _groups(claims: Sequence[Claim], known: Known) -> dict[int, dict[str, int]]:
    """Return how often each name is claimed in people without a name, by person."""
    found: dict[int, dict[str, int]] = defaultdict(Counter)
    for claim in claims:
        person_id = known.faces[claim.face_id].person_id
        if person_id and person_id not in known.names:
            found[person_id][claim.key] += 1
    return dict(found)


def _only_names(
    claims: Sequence[Claim], known: Known, groups: Mapping[int, Mapping[str, int]]
) -> dict[int, str]:
    """Return the one name that tags know in each person without a name, where it is one.

    Where the user has placed some of the faces, those decide: the others may be wrong.
    """
    placed: dict[int, set[str]] = defaultdict(set)
    for claim in claims:
        one = known.faces[claim.face_id]
        if one.source == "user":
            placed[one.person_id].add(claim.key)
    names = {who: placed.get(who) or set(votes) for who, votes in groups.items()}
    return {who: next(iter(keys)) for who, keys in names.items() if len(keys) == 1}


def _targets(
    claims: Sequence[Claim],
    known: Known,
    by_name: Mapping[str, int],
    groups: Mapping[int, Mapping[str, int]],
    out: Decision,
) -> dict[str, tuple[str, int]]:
    """Return the name and the person of each name: who has it, whose group gets it, or 0."""
    sizes = Counter(one.person_id for one in known.faces.values())
    only = _only_names(claims, known, groups)
    found = {}
    out.named.clear()
    for key, mine in _by_key(claims).items():
        name, person_id = spelling(claim.name for claim in mine), by_name.get(key, 0)
        if not person_id:
            alone = [
                (votes[key], sizes[who], -who)
                for who, votes in groups.items()
                if only.get(who) == key
            ]
            if alone:
                person_id = -max(alone)[2]
                out.named[person_id] = name
        found[key] = known.names.get(person_id, name), person_id
    return found


def _moving(
    claims: Sequence[Claim], target: tuple[str, int], known: Known, out: Decision
) -> tuple[list[int], int]:
    """Return the faces that become the target's by their tags, and how many were so already.

    Faces of the target in the same photos make way: what was found automatically, and what an
    earlier import said that the tags no longer say.
    """
    _, person_id = target
    moving, stays = [], 0
    for claim in claims:
        one = known.faces[claim.face_id]
        if person_id and one.person_id == person_id and one.source in ("user", "imported"):
            stays += 1
        elif one.source == "user":  # of somebody without a name, who is not the one meant
            out.overruled.append(claim)
        else:
            moving.append(claim)
    claimed = {claim.face_id for claim in claims}
    photos = {claim.photo_id for claim in moving} - set(known.exempt) - out.exempt
    for one in known.faces.values():
        here = person_id and one.person_id == person_id and one.photo_id in photos
        if here and one.face_id not in claimed and one.source != "user":
            out.freed.add(one.face_id)
    return [claim.face_id for claim in moving], stays


def _followers(
    groups: Mapping[int, Mapping[str, int]],
    targets: Mapping[str, tuple[str, int]],
    moving: Mapping[str, tuple[list[int], int]],
    known: Known,
    out: Decision,
) -> dict[str, set[int]]:
    """Return the faces that go with those of their group, by name; free those of wrong groups."""
    followers: dict[str, set[int]] = {key: set() for key in targets}
    claimed = {face_id for faces, _ in moving.values() for face_id in faces}
    taken = {key: _photos_of(targets[key][1], moving[key][0], known) for key in targets}
    for person_id, votes in sorted(groups.items()):
        rest = [
            one
            for one in known.faces.values()
            if one.person_id == person_id and one.source == "auto" and one.face_id not in claimed
        ]
        if len(votes) > 1:
            out.freed |= {one.face_id for one in rest}
            continue
        (key,) = votes
        target = targets[key][1]
        pair = (min(person_id, target), max(person_id, target))
        if target == person_id or person_id in known.touched or pair in known.different:
            continue
        for one in sorted(rest, key=lambda face: face.face_id):
            if one.photo_id not in taken[key] and (one.face_id, target) not in known.rejected:
                followers[key].add(one.face_id)
                taken[key].add(one.photo_id)
    return followers


def _photos_of(person_id: int, faces: Sequence[int], known: Known) -> set[int]:
    """Return the photos in which somebody is, with the faces that they are about to get."""
    mine = [
        one.photo_id for one in known.faces.values() if person_id and one.person_id == person_id
    ]
    return {*mine, *(known.faces[face_id].photo_id for face_id in faces)}
