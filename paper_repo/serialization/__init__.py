"""Sessions as JSON: the schemas, and the same at full speed."""
