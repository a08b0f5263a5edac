"""Times, ratios and bounds, measured on real data by hand; no test waits for them."""
