"""The library: what is known about photos, faces and people, in SQLite through SQLAlchemy.

`db.library.Library` opens it; the operations are functions that take it: `db.photos.files` (what
lies on the disk), `db.photos.photos` (what is left to do), `db.photos.analyses` (storing what was
found), `db.people.faces` (loading in bulk, or row by row), `db.people.people` (groupings and the
table of people), `db.journal` (changes by the user), `db.settings` and `db.photos.status`.
The frozen dataclasses of `db.records` go in and those of `db.rows` come out; no object of
SQLAlchemy leaves this room. Importing `db.records`, `db.rows` or `db.errors` does not import
SQLAlchemy.
"""
