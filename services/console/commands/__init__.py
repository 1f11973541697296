"""One file for each noun of `waybill`."""
