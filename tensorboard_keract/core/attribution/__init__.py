"""Where in its input a model finds what it scores: attribution methods by family."""
