"""Container formats, one module each: where the metadata packets are, and how to replace them.

Each module walks its format without decoding pixels and returns the bytes of a file with another
packet in it, everything else unchanged. What the packets mean belongs to `album.metadata.xmp` and
above.
"""
