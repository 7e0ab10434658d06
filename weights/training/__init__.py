"""What the recipes of the shipped models share: generated images, damage, the training loop, the judging."""
