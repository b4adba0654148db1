"""Grouping faces into people: constrained average linkage, fusion of ages and genders, metrics."""
