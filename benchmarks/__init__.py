"""What recording and viewing cost, as ratios measured side by side in one run."""
