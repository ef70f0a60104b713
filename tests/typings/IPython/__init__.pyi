"""The notebook, as far as this project uses it."""
