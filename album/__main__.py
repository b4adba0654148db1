"""``python -m album`` is ``album``."""

from album.cli import main

main()
