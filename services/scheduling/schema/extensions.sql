-- Equality operators in exclusion constraints; created by the role that migrates.
create extension if not exists btree_gist with schema public;
