"""Faces and names in the files' own metadata: XMP in sidecars and in the photos themselves."""
