"""The paper's experiments: several runs that differ in one thing, and what came out of them side by side."""
