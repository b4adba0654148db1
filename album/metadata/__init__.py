"""What files say about themselves: EXIF, IPTC, XMP, and the files that lie beside them.

The bottom package of `album`: it reads and splices bytes of containers (one walker for each format,
in `containers`) and parses the metadata in them. It decodes no pixels, judges no date and knows no
face; of `album` it imports `errors` and `plain_text` alone.
"""
