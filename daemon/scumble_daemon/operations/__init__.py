"""One file per operation; adding a file adds a menu entry in both editors."""
