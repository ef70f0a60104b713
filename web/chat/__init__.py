"""The chat page: what it knows (state), how that looks (render), and what happens when (controls)."""
