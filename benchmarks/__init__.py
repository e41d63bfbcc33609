"""What saving and loading a paper-trading session costs, beside what one would use instead: `python -m benchmarks`."""
