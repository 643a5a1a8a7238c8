"""From one run to the next: what changed, the history, what may be pruned."""
