"""Every change by the user as one transaction with the event that undoes it; and forgetting.

The highest package of `db`: it may import all others.
"""
