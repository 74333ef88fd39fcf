"""What every stage that runs a model shares: loading, the layout of a dialogue, sampling."""
