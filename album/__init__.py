"""album-people: finds every person in your photos and tells each one's gender and birth year."""

__version__ = "0.1.0"
