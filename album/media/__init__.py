"""From a file to upright pixels: stills, raw photos and the frames of clips.

Opening with one decoder per kind, limits on size before any pixel is decoded, colour, orientation,
Live Photos and motion photos. It finds no faces, knows no library and judges no date.
"""
