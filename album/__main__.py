"""``python -m album`` is ``album``."""

from album.commands import main

main()
