"""Networks that Scumble builds itself: a file for each family, with the paper it is from.

Each has `load(model, report) -> Loaded`, and a line for each of its architectures in `loading.BUILDERS`. They import
torch: nothing imports them before it needs them.
"""
