"""The style of one picture for another, without a trained network."""
