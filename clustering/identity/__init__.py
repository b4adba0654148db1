"""Whether two faces or two groups are one person: stranger distance, pair scores, tracks."""
