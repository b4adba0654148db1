"""The files of an export that are drawn: pages of people, and strips of their years."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from album.export.pages import plan as pages
from album.export.plan import PAGES, STRIPS, Plan, Step, plan_drawn
from album.export.strips import recipe, strip_of, write_strip
from album.people.faces import Face
from album.people.people import Person
from album.thumbnails.cache import Thumbnails
from album.thumbnails.face_tiles import FaceTiles
from db.library import Library
from db.people.landmarks import face_landmarks
from db.people.people import people as person_rows

Theirs = tuple[Person, str, Sequence[Face]]
"""A person, the name of their file, and their faces by date."""


def plan_pages(library: Library, plan: Plan, people: Sequence[Theirs]) -> None:
    """Plan a page for each of some people, and one of all of them.

    Raises
    ------
    ExportError
        Somebody else's file is in the way.
    """
    tiles = FaceTiles(Thumbnails.of_library(library.path))
    rows = person_rows(library, hidden=True, passers_by=True)
    covers = {row.person_id: row.cover_face_id for row in rows}
    lives, files = [], []
    for person, file, faces in people:
        life = pages.choose(person, faces, covers.get(person.id))
        tiles.expect(pages.tile_of(face) for face in (life.cover, *life.faces))
        lives.append(life)
        files.append(file)
        path, away = f"{PAGES}/{file}", pages.missing(life, tiles)
        if not _waits(plan, path, away):
            draw = partial(pages.write_person, life, tiles)
            plan_drawn(plan, path, pages.person_recipe(life, away), draw)
    order = sorted(range(len(lives)), key=lambda i: (-lives[i].person.photos, i))
    lives, files = [lives[i] for i in order], [files[i] for i in order]
    draw = partial(pages.write_people, lives, files, tiles)
    plan_drawn(plan, f"{PAGES}/{pages.INDEX}", pages.people_recipe(lives, files), draw)


def plan_strips(
    library: Library, plan: Plan, people: Sequence[Theirs], *, always: bool = False
) -> None:
    """Plan a strip for each of some people who are seen in enough years.

    Raises
    ------
    ExportError
        Somebody else's file is in the way.
    """
    ids = [face.face_id for _, _, faces in people for face in faces if face.date_trusted]
    landmarks = face_landmarks(library, ids)
    for person, file, faces in people:
        strip = strip_of(person, faces, landmarks, always=always)
        if strip is None:
            continue
        paths = [cell.face.path for cell in strip.cells if cell.face.path]
        path, away = f"{STRIPS}/{file}", [one for one in paths if not Path(one).exists()]
        if not _waits(plan, path, away):
            plan_drawn(plan, path, recipe(strip, away), partial(write_strip, strip))


def _waits(plan: Plan, path: str, away: Sequence[str]) -> bool:
    """Note which photos are not there; tell whether what was drawn with them before stays."""
    plan.notes += [Step("missing", path, source) for source in dict.fromkeys(away)]
    if not away or path not in plan.before:
        return False
    plan.after[path] = plan.before[path]
    return True
