"""Pictures of faces and photos, and the one cache that they are kept in.

Cropping faces for people to look at, sheets of faces, small pictures. Chips for nets belong to
`album.analysis`.
"""
