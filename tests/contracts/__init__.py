"""One suite for each seam, run on the fake and on the real thing."""
