"""One module per room, each with its ``STAGE``; found by being here."""
