"""Average linkage with constraints: exact, in memory or on disk, whole or one row at a time.

The fast versions, the plain ones they are tested against (`oracle`), and published methods for
comparison. It knows vectors and pairs of rows, not faces.
"""
