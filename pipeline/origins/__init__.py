"""Where sources come from: evidence, lawful bases, assessment before they are taken in."""
