"""What a unit of a model looks for: inputs that are optimised for it, by family."""
