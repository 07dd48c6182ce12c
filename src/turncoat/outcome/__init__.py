"""What it costs the patient."""
