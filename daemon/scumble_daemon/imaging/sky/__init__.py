"""Skies: found in a photo, cut out of it, made or read from a file, and put in with their light."""
