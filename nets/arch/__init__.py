"""Definitions of nets in Keras, for training and for checking the converted weights."""
