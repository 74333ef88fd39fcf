"""wikiHow's articles: pages, CSV of steps or of articles, JSON lines (Section 2.1, 200 of the 1,000 examples)."""
