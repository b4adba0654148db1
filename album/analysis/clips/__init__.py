"""The people of a clip: faces found in its frames, tracked, described and clustered."""
