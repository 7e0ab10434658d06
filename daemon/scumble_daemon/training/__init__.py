"""Models that artists train themselves, on their own computers: `scumble train …`."""
