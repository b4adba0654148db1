"""Files, photos and clips, and what an analysis found in them.

Rows about what lies on the disk and about faces as they were detected, what is forgotten of both,
and hints of who is in a photo. Who a face is belongs to `db.people`. Imports `db.engine` only.
"""
