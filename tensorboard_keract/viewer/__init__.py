"""Inside TensorBoard: reads what was recorded and serves it to the page."""
