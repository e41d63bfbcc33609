"""A strategy that trades a year of real daily prices, is killed half-way, and goes on in a new process.

`market` has the prices, `broker` executes orders against them, `strategy` decides, `worker` is the process that trades,
and `run` the one that starts it, kills it and compares. Nothing here needs more than the library itself.
"""
