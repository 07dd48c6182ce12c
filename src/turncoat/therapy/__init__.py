"""What would cut the signal."""
