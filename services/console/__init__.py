"""The operator's side: the `waybill` command line. Owns no schema, asks the services."""
