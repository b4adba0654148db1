"""When a photo or clip was taken, which source says so, and how far it is to be trusted.

Claims from metadata, sidecars and file names, the verdict on each, and calendar arithmetic. Dates
that the user sets are edits and belong to `album.edits`.
"""
