"""What many faces say together: fused age, gender and birth year, and birth years as features."""
