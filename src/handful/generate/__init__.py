"""Section 4.1: each system answers each prompt."""
