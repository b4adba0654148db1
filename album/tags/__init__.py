"""Names and face regions in the files' own metadata, both ways.

What a file should say, the smallest change that gets it there, and the record of what this program
wrote; `importing` brings in what other programs wrote. Container formats and XMP trees belong to
`album.metadata`.
"""
