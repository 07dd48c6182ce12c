"""By which signal, and does the receiver answer."""
