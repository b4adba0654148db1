"""Training of heads, of the MobileNet and of the clip net on labelled folders: `album train`.

Which faces are learned from and which only judge, and what is written. The networks themselves are
in `nets.arch`, their training steps in `nets.train`.
"""
