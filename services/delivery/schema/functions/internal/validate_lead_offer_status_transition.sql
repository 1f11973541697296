-- Holds the offer's state machine: an offer starts as PENDING_MAPPING and takes only these steps;
-- staying in its state is not a step either. Raises WB061 TRANSITION_REFUSED.
create or replace function validate_lead_offer_status_transition() returns trigger
language plpgsql
set search_path from current
as $$
declare
  v_from constant text := case when tg_op = 'UPDATE' then old.status end;
begin
  if new.status = any (case
    when v_from is null then array['PENDING_MAPPING']
    when v_from = 'PENDING_MAPPING' then array['TO_BE_CONTACTED', 'DISQUALIFIED', 'STOPPED']
    when v_from = 'TO_BE_CONTACTED' then
      array['CONTACTED', 'COOLING', 'STOPPED', 'DISQUALIFIED']
    when v_from = 'CONTACTED' then array['ENGAGED', 'COOLING', 'STOPPED', 'DISQUALIFIED']
    when v_from = 'ENGAGED' then
      array['QUALIFYING', 'COOLING', 'STOPPED', 'DISQUALIFIED', 'HUMAN_HANDOFF']
    when v_from = 'QUALIFYING' then
      array['SCORED', 'LEAD_READY', 'COOLING', 'STOPPED', 'DISQUALIFIED', 'HUMAN_HANDOFF']
    when v_from = 'SCORED' then
      array['LEAD_READY', 'QUALIFYING', 'COOLING', 'STOPPED', 'DISQUALIFIED']
    when v_from = 'LEAD_READY' then array['SENT_TO_DEVELOPER', 'STOPPED', 'DISQUALIFIED']
    when v_from = 'SENT_TO_DEVELOPER' then array['STOPPED']
    when v_from = 'COOLING' then array['REACTIVATION', 'STOPPED', 'DISQUALIFIED']
    when v_from = 'REACTIVATION' then array['CONTACTED', 'ENGAGED', 'STOPPED', 'DISQUALIFIED']
    when v_from = 'DISQUALIFIED' then array['REACTIVATION']
    when v_from = 'HUMAN_HANDOFF' then
      array['QUALIFYING', 'LEAD_READY', 'STOPPED', 'DISQUALIFIED']
    else array[]::text[]
  end) then
    return new;
  end if;
  perform refuse(61, format('An offer does not go from %s to %s.',
      coalesce(v_from, 'nothing'), new.status),
    jsonb_build_object('from', coalesce(v_from, ''), 'to', new.status));
  return null;
end;
$$;

create or replace trigger trg_lead_offers_validate_transition
before insert or update of status on lead_offers
for each row execute function validate_lead_offer_status_transition();
