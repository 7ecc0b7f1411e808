"""What stands behind the proxies; each is quicker than any of them."""
