"""The data plane: HTTP/1.1 from clients to instances and back."""
