"""What this program wrote into files, and what it reads from them for an import.

Imports `db.people`, `db.photos` and `db.engine`.
"""
