"""How well a clustering matches the true people: BCubed, pairs, information, broken rules.

Metrics on labels alone; data sets and protocols belong to `album.evaluation`.
"""
