"""Identity embeddings, and heads for age, gender and emotion on the same features."""
