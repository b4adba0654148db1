"""Changes that the user makes, each one journalled transaction; and forgetting.

The Python twins of the commands that change people, faces and dates. Each refuses what contradicts
an earlier decision. Derived facts are refreshed in the same transaction.
"""
