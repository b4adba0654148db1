"""`album analyze`: copies of photos and clips with the results drawn on them, and as text."""
