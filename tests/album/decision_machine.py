"""Random sequences of decisions, for `hypothesis`, with what must hold after each."""

import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from sqlalchemy import delete

from album.edits import decisions
from album.errors import AlbumError
from album.events import ImportReport
from album.tags.importing.decide import Claim
from album.tags.importing.names import cleaned, problem
from album.tags.importing.store import store
from db.engine.schema import face as faces_table
from db.engine.schema import metadata
from db.errors import EmptyHistoryError, LibraryError, UndoError
from db.library import Library
from db.people.people import next_person_ids, save_people
from db.records import Grouping, PersonFacts
from tests.album.decided import check, derived_is_right, dump, fill, photo_of_faces
from tests.databases import copy, on_postgres

PICK = st.integers(0, 10**6)
NAMES = st.sampled_from(["Ana", "ana", "Ben", "Zoë", "zoe", "", "new", "12", "A\nB", "x" * 300])
TAGGED = NAMES | st.sampled_from(["Ben", "Zoë", "Carl", "person-3", "Person 3"])
MEMORY = Path("/dev/shm")


def import_claims(library, claims):
    return store(library, claims, [], ImportReport())


@dataclass(frozen=True)
class Word:
    """What no grouping and no import may take back.

    Attributes
    ----------
    named : frozenset
        People whose name is the user's word.
    merged : mapping
        Person of each face that was of one of the people merged into them.
    """

    named: frozenset = frozenset()
    merged: dict = field(default_factory=dict)

    def after(self, before, state, kind):
        """Return it after a decision, which may take back what an earlier one has said."""
        there = {key[0]: row["name"] for key, row in state["person"].items()}
        old = {key[0]: row["name"] for key, row in before["person"].items()}
        named = {who for who in self.named if there.get(who)}
        for who, name in there.items():
            if name and name != old.get(who):
                named = named - {who} if kind == "import" else named | {who}
        whose = {key[0]: row["person_id"] for key, row in state["assignment"].items()}
        merged = {face: who for face, who in self.merged.items() if whose.get(face) == who}
        return Word(frozenset(named), merged)


def faces_of(state, person):
    return {face for (face,), row in state["assignment"].items() if row["person_id"] == person}


class Desk:
    """One library for all sequences of this process, put back as it was for each of them.

    Opening one for each would take more time than the sequences do.
    """

    def __init__(self):
        place = MEMORY if MEMORY.is_dir() else None
        self.folder = tempfile.TemporaryDirectory(prefix="album-decisions-", dir=place)
        self.template = Path(self.folder.name) / "template.db"
        path = Path(self.folder.name) / "library.db"
        with Library.open(self.template) as library:
            fill(library)
        copy(self.template, path)
        self.path = path
        self.library = Library.open(path)

    def fresh(self):
        if on_postgres():
            copy(self.template, self.path)
            return self.library
        names = [table.name for table in metadata.sorted_tables]
        with closing(sqlite3.connect(self.library.path)) as raw:
            raw.execute("ATTACH ? AS template", (str(self.template),))
            for name in names:
                raw.execute(f"DELETE FROM main.{name}")
                raw.execute(f"INSERT INTO main.{name} SELECT * FROM template.{name}")
            raw.commit()
        return self.library

    def close(self):
        self.library.close()
        self.folder.cleanup()


class Decisions(RuleBasedStateMachine):
    """Every decision with random people and faces, right ones and wrong ones."""

    desk = None

    def __init__(self):
        super().__init__()
        self.library = self.desk.fresh()
        self.state = dump(self.library)
        self.faces = sorted(photo_of_faces(self.library))
        self.to_undo, self.to_redo = [], []
        self.word, self.words_to_undo, self.words_to_redo = Word(), [], []
        self.drifted = False

    def teardown(self):
        if not self.drifted:
            derived_is_right(self.library, self.state)

    def person(self, pick):
        """Most often somebody who exists."""
        known = sorted(key[0] for key in self.state["person"])
        return [*known, 99, 1][pick % (len(known) + 2)]

    def face(self, pick):
        return [*self.faces, 999][pick % (len(self.faces) + 1)]

    def face_of(self, pick):
        """Return a person, and one of their faces."""
        row = list(self.state["assignment"].values())[pick % len(self.state["assignment"])]
        return row["person_id"], row["face_id"]

    def names(self):
        return {key: row["name"] for key, row in self.state["person"].items() if row["name"]}

    def attempt(self, function, *args, **options):
        """Do it; what is refused changes nothing, and so does what is no change."""
        before = self.state
        try:
            change = function(self.library, *args, **options)
        except (AlbumError, LibraryError) as error:
            said = str(error)
            assert said.endswith((".", ")")) and "\n" not in said, said
            change = None
        self.state = dump(self.library)
        if change is None or not change.event_id:
            assert self.state == before
            return None
        assert change.summary.endswith(".")
        assert self.state != before
        check(self.library, self.state)
        self.to_undo.append(before)
        self.to_redo = []
        self.words_to_undo.append(self.word)
        self.words_to_redo = []
        self.word = self.word.after(before, self.state, change.kind)
        return change

    def the_word_holds(self):
        """Whatever was grouped or imported: who was merged is one, and names are as given."""
        for face, who in self.word.merged.items():
            assert self.state["assignment"][face,]["person_id"] == who, f"face {face} was merged"
        for who in self.word.named:
            assert self.state["person"][who,]["name"]

    def keeping_names(self, function, *args, **options):
        before = sorted(self.names().values())
        change = self.attempt(function, *args, **options)
        assert sorted(self.names().values()) == before
        return change

    @rule(who=PICK, name=NAMES, force=st.booleans())
    def name(self, who, name, force):
        self.attempt(decisions.name_person, self.person(who), name, force=force)

    @rule(who=st.lists(PICK, min_size=1, max_size=3), force=st.booleans())
    def merge(self, who, force):
        ids = [self.person(pick) for pick in who]
        named = sorted({name for (i,), name in self.names().items() if i in ids})
        apart = {
            key
            for key, row in self.state["comparison"].items()
            if row["verdict"] == "different" and set(key) <= set(ids)
        }
        rejected = {face for face, person in self.state["rejection"] if person in ids}
        change = self.attempt(decisions.merge_people, ids, force=force)
        if change:
            assert force or not apart
            kept = change.person_ids[0]
            for face in rejected:
                theirs = self.state["assignment"].get((face,), {}).get("person_id") == kept
                assert theirs or (face, kept) in self.state["rejection"]
            assert not named or self.names()[kept,] in named
            assert set(self.state["person"]).isdisjoint((i,) for i in set(ids) - {kept})
            assert self.names()[kept,] == named[0] if len(named) == 1 else True
            rows = self.state["assignment"].items()
            theirs = {face: kept for (face,), row in rows if row["person_id"] == kept}
            self.word = replace(self.word, merged=self.word.merged | theirs)

    @rule(picks=st.lists(PICK, min_size=0, max_size=4), other=st.booleans())
    def split(self, picks, other):
        person, first = self.face_of(picks[0] if picks else 0)
        theirs = [
            key[0] for key, row in self.state["assignment"].items() if row["person_id"] == person
        ]
        chosen = {first, *(theirs[pick % len(theirs)] for pick in picks[1:])}
        chosen |= {self.face(picks[0])} if other and picks else set()
        change = self.keeping_names(decisions.split_person, person, sorted(chosen))
        if change:
            new = change.person_ids[-1]
            assert {self.state["assignment"][f,]["person_id"] for f in chosen} == {new}
            assert self.state["comparison"][person, new]["verdict"] == "different"

    @rule(who=PICK)
    def split_auto(self, who):
        self.keeping_names(decisions.split_auto, self.person(who))

    @rule(picks=st.lists(PICK, max_size=3), to=st.none() | PICK, force=st.booleans())
    def move(self, picks, to, force):
        chosen = [self.face(pick) for pick in picks]
        target = None if to is None else self.person(to)
        change = self.keeping_names(decisions.move_faces, chosen, target, force=force)
        if change:
            found = {self.state["assignment"][f,]["person_id"] for f in chosen}
            assert found == {change.person_ids[-1]}

    @rule(picks=st.lists(PICK, max_size=3))
    def reject(self, picks):
        change = self.keeping_names(decisions.reject_faces, [self.face(pick) for pick in picks])
        if change:
            assert all((self.face(pick),) not in self.state["assignment"] for pick in picks)

    @rule(who=PICK, hidden=st.booleans())
    def hide(self, who, hidden):
        self.keeping_names(decisions.hide_person, self.person(who), hidden)

    @rule(
        who=PICK,
        born=st.sampled_from([decisions.KEEP, None, "1984", "1984-05", "1984-13", "x", "2999"]),
        gender=st.sampled_from([decisions.KEEP, None, "f", "m", "q"]),
        cover=st.none() | st.just(decisions.KEEP) | PICK,
    )
    def set(self, who, born, gender, cover):
        person, chosen = self.person(who), cover
        if isinstance(cover, int):
            person, chosen = self.face_of(cover) if who % 2 else (person, self.face(cover))
        options = {"born": born, "gender": gender, "cover": chosen}
        self.keeping_names(decisions.set_person, person, **options)

    @rule(pick=st.integers(1, 10), exempt=st.booleans())
    def twice(self, pick, exempt):
        self.keeping_names(decisions.exempt_photo, pick, exempt)

    @rule(a=PICK, b=PICK, different=st.booleans())
    def compare(self, a, b, different):
        ids = self.person(a), self.person(b)
        function = decisions.keep_apart if different else decisions.skip_pair
        self.keeping_names(function, *ids)

    @rule(
        tags=st.lists(st.tuples(PICK, TAGGED, st.booleans()), min_size=1, max_size=5),
    )
    def read_tags(self, tags):
        photos, claims = photo_of_faces(self.library), {}
        for pick, text, seen in tags:
            face, name = self.face(pick), cleaned(text)
            if face in photos and name and not problem(name):
                claims[face] = Claim(face, photos[face], name, seen=seen)
        said, word = self.by_user(), self.word
        named = set(self.names().values())
        names = {who: self.state["person"][who,]["name"] for who in word.named}
        before = self.state
        change = self.attempt(import_claims, list(claims.values()))
        assert self.by_user() == said
        assert named <= set(self.names().values())
        assert not any("person" in name.casefold() for name in self.names().values())
        assert word.merged == self.word.merged
        for who, name in names.items():
            assert self.state["person"][who,]["name"] == name
            lost = faces_of(before, who) - faces_of(self.state, who)
            assert not lost, f"{name} has lost the faces {lost}"
        self.the_word_holds()
        if change:
            assert import_claims(self.library, list(claims.values())).event_id == 0
            assert dump(self.library) == self.state

    def by_user(self):
        rows = self.state["assignment"].items()
        return {key: row["person_id"] for key, row in rows if row["source"] == "user"}

    def revert(self, function, source, sink):
        before = self.state
        try:
            change = function(self.library)
        except EmptyHistoryError:
            assert not source
            return
        except UndoError:
            assert self.drifted
            assert dump(self.library) == before
            return
        self.state = dump(self.library)
        wanted = source.pop()
        sink.append(before)
        words = self.words_to_undo, self.words_to_redo
        back, forth = words if source is self.to_undo else words[::-1]
        forth.append(self.word)
        self.word = back.pop()
        if self.drifted:  # what is left of it, as faces may have gone or been placed elsewhere
            self.word = self.word.after(self.state, self.state, "undo")
        check(self.library, self.state)
        if not self.drifted:
            assert self.state == wanted
            assert "stayed out" not in change.summary

    @rule()
    def undo(self):
        self.revert(decisions.undo, self.to_undo, self.to_redo)

    @precondition(lambda self: self.to_redo)
    @rule()
    def redo(self):
        self.revert(decisions.redo, self.to_redo, self.to_undo)

    def group(self, picks):
        """Place some faces as an index could: not those placed by hand, nobody in a photo twice."""
        photos = photo_of_faces(self.library)
        rows = {f: dict(row) for (f,), row in self.state["assignment"].items()}
        exempt = {key[0] for key in self.state["exemption"]}
        moved = {}
        for pick, to in picks:
            face = self.faces[pick % len(self.faces)]
            people = sorted(key[0] for key in self.state["person"])
            who = [*people, 0][to % (len(people) + 1)] or int(next_person_ids(self.library, 1)[0])
            there = {rows[f]["person_id"] for f in rows if photos[f] == photos[face] and f != face}
            said = face in rows and rows[face]["source"] != "auto"
            alone = photos[face] in exempt or who not in there
            if not said and alone and (face, who) not in self.state["rejection"]:
                moved[face] = who
                rows[face] = {"person_id": who, "source": "auto"}
        if moved:
            face = np.array(list(moved))
            whose = np.array(list(moved.values()))
            facts = [PersonFacts(int(who)) for who in set(moved.values())]
            save_people(self.library, Grouping(face, whose, np.ones(len(face), "f4")), facts)


class WithIndex(Decisions):
    """The same while an index finds faces, loses some, and changes its mind on others."""

    @rule(picks=st.lists(st.tuples(PICK, PICK), min_size=1, max_size=4), lose=st.none() | PICK)
    def index(self, picks, lose):
        self.drifted = True
        self.group(picks)
        if lose is not None:
            self.lose(lose)
        self.state = dump(self.library)
        check(self.library, self.state)
        self.the_word_holds()
        self.faces = sorted(photo_of_faces(self.library))

    def lose(self, pick):
        """Lose a face of which nothing was said, as another detector would."""
        state = dump(self.library)
        rejected = {key[0] for key in state["rejection"]}
        covers = {row["cover_face_id"] for row in state["person"].values() if row["cover_chosen"]}
        said = {key[0] for key, row in state["assignment"].items() if row["source"] != "auto"}
        free = [face for face in self.faces if face not in rejected | covers | said]
        if free:
            with self.library.write() as conn:
                gone = faces_table.c.id == free[pick % len(free)]
                conn.execute(delete(faces_table).where(gone))
