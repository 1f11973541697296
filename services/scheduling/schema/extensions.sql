-- What the schema needs of the server, made by whoever migrates: equality in exclusion constraints.
create extension if not exists btree_gist with schema public;
