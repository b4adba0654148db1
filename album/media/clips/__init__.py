"""Frames of clips: which ones are there, upright and with square pixels.

Decoding alone; finding and following faces in the frames belongs to `album.analysis.clips`.
"""
