"""Which bytes of a file are its coded picture, by format, and one pass over them for all digests.

`album.metadata.picture_digest` is the door to it. Nothing here knows what a picture shows, nor
which program has edited the metadata around it.
"""
