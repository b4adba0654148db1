"""Bringing in what other programs have written into photos: who is there, and where."""
