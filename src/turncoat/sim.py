"""In-silico mice."""

__all__: list[str] = []
