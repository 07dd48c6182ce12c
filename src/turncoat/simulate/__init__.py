"""What happens in silico if it is cut."""
