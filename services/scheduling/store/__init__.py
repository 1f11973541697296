"""The modules that call stored functions, one for each resource."""
