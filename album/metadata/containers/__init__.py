"""Container formats, one module each: where the metadata packets are, and how to replace them.

Each module has the one walker of its format, with bounds that hostile files can't pass and without
decoding pixels; where packets can be replaced it returns the bytes of the new file, everything else
unchanged. What the packets mean belongs to `album.metadata.xmp` and above.
"""
