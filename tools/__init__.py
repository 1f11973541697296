"""What keeps the house in order: protos, schema guards, mutations."""
