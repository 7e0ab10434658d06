"""Pixels inside the daemon: colour management, masks, resampling, layers as files."""
