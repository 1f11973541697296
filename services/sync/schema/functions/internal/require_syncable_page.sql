-- The page, when it can be pulled. Raises WB101 PAGE_NOT_FOUND, WB102 PAGE_MISMATCH (p_facebook_page_id
-- null: not compared), WB103 PAGE_TOKEN_DEAD.
-- For use by other functions, which have set the tenant the org.
create or replace function require_syncable_page(
  p_org_id uuid,
  p_page_id uuid,
  p_facebook_page_id text
) returns pages
language plpgsql
set search_path from current
as $$
declare
  v_page pages;
begin
  select * into v_page from pages where org_id = p_org_id and page_id = p_page_id;
  if not found then
    perform refuse(101, 'There is no such page in this org.',
      jsonb_build_object('page_id', p_page_id));
  end if;
  if v_page.facebook_page_id <> coalesce(p_facebook_page_id, v_page.facebook_page_id) then
    perform refuse(102, 'facebookPageId is not the id of that page.',
      jsonb_build_object('page_id', p_page_id));
  end if;
  if v_page.token_status not in ('unknown', 'good') then
    perform refuse(103, 'The page has no good token. Connect it again.',
      jsonb_build_object('page_id', p_page_id, 'token_status', v_page.token_status));
  end if;
  return v_page;
end;
$$;
