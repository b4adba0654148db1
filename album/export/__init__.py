"""What leaves the library as files: tables, folders, web pages, strips, annotated copies.

A plan of files first, then files that are replaced one by one. Tags inside the user's own photos
belong to `album.tags`.
"""
