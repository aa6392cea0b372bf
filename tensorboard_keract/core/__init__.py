"""What a Keras model computes: its layers, their activations and gradients."""
