"""Clips: frames in order and upright, faces followed through them, people of one clip."""
