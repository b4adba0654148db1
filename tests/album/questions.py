"""An album whose people were taken apart, so that there is something to ask."""

from db.library import Library
from db.people.questions import placements
from tests.album.albums import ANNA, BERT, CLEO, Drawn, Shelf, photo
from tests.db.make import group

YEARS = range(2000, 2008)


def draw(folder):
    """Anna and Bert, each alone in photos of eight years, and Cleo in four of Bert's."""
    for year in YEARS:
        photo(folder / f"anna{year}.jpg", Drawn(ANNA, year - 1980, male=False), year=year)
        both = [Drawn(BERT, year - 1970), *([Drawn(CLEO, 20)] if year % 2 else [])]
        photo(folder / f"bert{year}.jpg", *both, year=year, day="07:08")
    return folder


def indexed(folder, shelf_folder):
    shelf = Shelf(shelf_folder)
    shelf.index(draw(folder))
    return shelf.path


def take_apart(library: Library):
    """Make Anna three people of five, two and one faces, Bert two of six and two; Cleo is one.

    Returns their ids and their faces by a to f.
    """
    now = placements(library)
    faces = {}
    for face, person in zip(now.face_id.tolist(), now.person_id.tolist(), strict=True):
        faces.setdefault(person, []).append(face)
    anna, bert, cleo = sorted(faces.values(), key=lambda f: (-len(f), f[0]))
    parts = [anna[:5], anna[5:7], anna[7:], bert[:6], bert[6:], cleo]
    ids = group(library, *parts, born=1980.5, born_low=1978.5, born_high=1982.5)
    return dict(zip("abcdef", ids, strict=True)), dict(zip("abcdef", parts, strict=True))
