"""From pixels to described faces: detection, chips and descriptions of photos and clips.

What runs in worker threads and processes for each file. It returns plain results without pixels and
knows no library; storing them belongs to `album.indexing`.
"""
