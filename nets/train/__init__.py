"""Training of heads for age and gender on the frozen features of the nets that ship."""
