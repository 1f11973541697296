"""gRPC: the server with its gate and interceptors, clients, tokens, pages of lists, request ids."""
