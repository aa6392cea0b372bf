"""What the figures of `display` are made of: a scale of colours, a montage, a page."""
