"""People and whose each face is: lists, pages of faces, and the user's verdicts in bulk.

Reads for grouping and for showing people, and what suggestions store. Changes by the user go
through `db.journal`. Imports `db.photos` and `db.engine`.
"""
