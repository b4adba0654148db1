"""The workflow of `album index`, readable in one place: plan, read, describe, save, group.

What is left to do, where results come from, how they are stored, and following folders. Pixels
belong to `album.analysis`, grouping to `album.grouping`.
"""
