"""Files, photos and clips, and what an analysis found in them.

Rows about what lies on the disk and about faces as they were detected. Who a face is belongs to
`db.people`.
"""
