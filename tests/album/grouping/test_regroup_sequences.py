"""Random decisions with grouping in between: nothing said is lost, and undo restores everything."""

import os

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy import delete

from album.grouping.incremental import LAST_WHOLE, assign
from album.grouping.regroup import regroup
from db.engine.schema import assignment
from db.journal.journal import Change
from db.people.verdicts import verdicts
from db.settings import set_setting
from tests.album.decided import NETS, check, dump, photo_of_faces, whose
from tests.album.decision_machine import PICK, Decisions
from tests.album.edits.test_decision_sequences import run

SEQUENCES = int(os.environ.get("ALBUM_SEQUENCES", "10000"))


def as_change(library):
    done = regroup(library)
    return Change(done.event_id, "regroup", "Grouped.", done.person_ids)


class WithRegroup(Decisions):
    """Every decision, and everything grouped anew, which is a decision like the others."""

    @rule()
    def regroup(self):
        said, before = verdicts(self.library), self.state
        self.keeping_names(as_change)
        self.nothing_said_is_lost(said, before)
        assert 0 not in whose(self.library).values()

    def nothing_said_is_lost(self, said, before):
        there = {key[0] for key in self.state["person"]}
        assert set(said.touched.tolist()) <= there
        had, have = (
            {row["person_id"] for row in state["assignment"].values()}
            for state in (before, self.state)
        )
        assert had & set(said.touched.tolist()) <= have, "nobody is left without a face"
        self.the_word_holds()
        for key, row in before["assignment"].items():
            if row["source"] != "auto":
                assert self.state["assignment"][key] == row
        for table in ("rejection", "exemption"):
            assert self.state[table] == before[table]
        kept = {k: r for k, r in before["comparison"].items() if r["verdict"] == "different"}
        assert kept.items() <= self.state["comparison"].items()


class WithNewFaces(WithRegroup):
    """The same while faces of which nothing was said become new again, and are assigned."""

    @rule(picks=st.lists(st.tuples(PICK, PICK), min_size=1, max_size=4))
    def mistake(self, picks):
        """People of several groups, as in a library that has grown by a few photos at a time."""
        self.drifted = True
        self.group(picks)
        self.state = dump(self.library)

    @rule(picks=st.lists(PICK, min_size=1, max_size=4))
    def index(self, picks):
        self.drifted = True
        auto = [key[0] for key, row in self.state["assignment"].items() if row["source"] == "auto"]
        if auto:
            chosen = {auto[pick % len(auto)] for pick in picks}
            with self.library.write() as conn:
                conn.execute(delete(assignment).where(assignment.c.face_id.in_(chosen)))
        set_setting(self.library, LAST_WHOLE, f"{NETS.identity_contract} {len(self.faces)}")
        said, before = verdicts(self.library), dump(self.library)
        list(assign(self.library, NETS))
        self.state = dump(self.library)
        check(self.library, self.state)
        self.nothing_said_is_lost(said, before)
        for key, row in before["assignment"].items():
            assert self.state["assignment"][key]["person_id"] == row["person_id"], "nobody moves"
        assert 0 not in whose(self.library).values()
        self.faces = sorted(photo_of_faces(self.library))


@pytest.mark.parametrize("machine", [WithRegroup, WithNewFaces])
def test_sequences(machine):
    run(machine, 25, 12)


@pytest.mark.slow
@pytest.mark.parametrize("machine", [WithRegroup, WithNewFaces])
def test_ten_thousand_sequences(machine):
    run(machine, SEQUENCES // 2, 12)
