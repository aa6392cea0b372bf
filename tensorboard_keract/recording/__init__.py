"""From tensors to an event file: planning, reducing, encoding and writing a record."""
