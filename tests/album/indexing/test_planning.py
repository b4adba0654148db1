"""A plan says what an index would do, and writes nothing."""

import sqlite3
from contextlib import closing

from album.indexing.index import IndexOptions, index
from album.indexing.planning import Contracts, plan_index
from db.library import Library
from db.photos.files import failures
from nets.engine import load_engine
from tests.album.albums import ANNA, BERT, Drawn, photo

OPTIONS = IndexOptions(jobs=0)


def contents(path):
    with closing(sqlite3.connect(path)) as conn:
        tables = [
            row[0] for row in conn.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        return {table: conn.execute(f'SELECT * FROM "{table}"').fetchall() for table in tables}


def test_a_plan_is_computed_without_writing(tmp_path):
    folder = tmp_path / "photos"
    for name, person in (("stays", ANNA), ("goes", BERT), ("changes", BERT), ("returns", ANNA)):
        photo(folder / f"{name}.jpg", Drawn(person), shade=len(name) * 9)
    (folder / "broken.jpg").write_bytes((folder / "stays.jpg").read_bytes()[:900])
    engine = load_engine(profile="fake")
    contracts = Contracts.of(engine, OPTIONS.view, OPTIONS.clips)
    away = tmp_path / "returns.jpg"
    with Library.open(tmp_path / "library.db") as library:
        list(index(library, engine, [folder], OPTIONS))
        (folder / "returns.jpg").rename(away)
        list(index(library, engine, [folder], OPTIONS))
        away.rename(folder / "returns.jpg")
        (folder / "goes.jpg").unlink()
        photo(folder / "changes.jpg", Drawn(ANNA), Drawn(BERT))
        photo(folder / "new.jpg", Drawn(ANNA), shade=150)

        before = contents(library.path)
        plan = plan_index(library, [folder], engine, contracts, retry=True)
        assert contents(library.path) == before

        names = [task.found.path.rpartition("/")[2] for task in plan.tasks]
        assert names == ["changes.jpg", "new.jpg", "broken.jpg"]
        assert [path.rpartition("/")[2] for path in plan.gone] == ["goes.jpg"]
        assert [path.rpartition("/")[2] for path in plan.back] == ["returns.jpg"]
        assert [path.rpartition("/")[2] for path in plan.forgiven] == ["broken.jpg"]
        assert plan.scanned.found == 5
        assert (plan.scanned.todo, plan.scanned.unchanged, plan.scanned.gone) == (3, 2, 1)

        patient = plan_index(library, [folder], engine, contracts, retry=False)
        assert [task.found.path.rpartition("/")[2] for task in patient.tasks] == names[:2]

        list(index(library, engine, [folder], OPTIONS))
        assert [row.path.rpartition("/")[2] for row in failures(library)] == ["broken.jpg"]
        after = plan_index(library, [folder], engine, contracts, retry=False)
        assert not (after.tasks or after.gone or after.back or after.forgiven)
