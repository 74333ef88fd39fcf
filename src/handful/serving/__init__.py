"""A trained model answers: in a terminal (`handful chat`) or over HTTP (`handful serve model`)."""
