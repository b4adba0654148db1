"""Reading photos on many workers at once: `source` for the coordinator, `work` for the workers."""
