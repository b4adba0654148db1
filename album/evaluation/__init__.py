"""Published protocols and data sets: the measurements behind `album bench`.

Reads labelled folders, runs the program as it is on them, and scores it. Nothing here is used by
the program at work.
"""
