"""In which organ it opens the door."""
