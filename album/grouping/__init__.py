"""From faces to people: features, linkage, new faces in a growing library, regrouping.

Turns rows of the library into arrays for `clustering`, and its labels back into people whose ids
last. It shows nothing and asks nothing; what people look like in lists belongs to `album.people`.
"""
