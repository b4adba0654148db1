"""`album analyze`: copies of photos with what was found drawn on them, and the same as text."""
