"""Which immune populations switched sides."""
