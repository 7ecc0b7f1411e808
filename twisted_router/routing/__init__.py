"""From facts about services to an immutable table, and from it to an instance."""
