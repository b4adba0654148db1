"""Names that other programs wrote into photos, brought into the library as one undoable change.

Reading regions and names, matching them with faces, deciding, and storing. Looking for a face where
only a region is known belongs to `album.analysis`.
"""
