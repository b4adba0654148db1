"""Finding files and telling what they are: walking folders, content hashes, kinds, servers.

Which files exist, which changed, what kind each is by its first bytes, and how names for new files
are made. It never decodes pixels and knows nothing of photos that are in a library.
"""
