-- The same hashes as before, checked at a tenth of the cost; see the chassis' 0002.

-- migrate:up
alter table lead_dedupe_hashes drop constraint lead_dedupe_hashes_hash_check;
alter table lead_dedupe_hashes add constraint lead_dedupe_hashes_hash_check
  check (hash ~ '^v[0-9]+:[a-z]+:[0-9a-f]+$' and length(split_part(hash, ':', 3)) = 64);

-- migrate:down
alter table lead_dedupe_hashes drop constraint lead_dedupe_hashes_hash_check;
alter table lead_dedupe_hashes add constraint lead_dedupe_hashes_hash_check
  check (hash ~ '^v[0-9]+:[a-z]+:[0-9a-f]{64}$');
