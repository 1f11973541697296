"""Webhooks as the platform sends them, each with the items that it splits into.

An item is (kind, external id, disposition); disposition None: a worker decides. The data is
our own.
"""

from typing import Any

Expected = list[tuple[str, str | None, str | None]]

PAGE = "700100200300"
ACCOUNT = "178410000000001"
NUMBER = "600100200300"
PERSON = "8100200300400500"
BSUID = "DE.7100200300400"


def page(*events: Any, kind: str = "page", key: str = "messaging", **more: Any) -> dict[str, Any]:
    """One entry with these events."""
    entry = {"id": PAGE if kind == "page" else ACCOUNT, "time": 1790000000500, key: list(events)}
    return {"object": kind, "entry": [{**entry, **more}]}


def event(**content: Any) -> dict[str, Any]:
    """One messaging event from a person to the page."""
    sides = {"sender": {"id": PERSON}, "recipient": {"id": PAGE}, "timestamp": 1790000000123}
    return {**sides, **content}


def without(holder: dict[str, Any], *names: str) -> dict[str, Any]:
    """The same without these keys."""
    return {name: value for name, value in holder.items() if name not in names}


def whatsapp(field: str = "messages", **value: Any) -> dict[str, Any]:
    """One change of one number."""
    metadata = {"display_phone_number": "4915550999000", "phone_number_id": NUMBER}
    whole = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    changes = [{"field": field, "value": whole}]
    return {"object": "whatsapp_business_account", "entry": [{"id": "6009", "changes": changes}]}


def wa_message(message_id: str = "wamid.1", **content: Any) -> dict[str, Any]:
    """One WhatsApp message, a text unless it says otherwise."""
    head = {"from": "4915550100200", "id": message_id, "timestamp": "1790000000"}
    return {**head, **(content or {"type": "text", "text": {"body": "Still free?"}})}


CONTACTS = [{"profile": {"name": "Änne Example"}, "wa_id": "4915550100200", "user_id": BSUID}]
LEAD = {"leadgen_id": 900100, "page_id": 700100200300, "form_id": 7, "ad_id": 0, "created_time": 1}
HELLO = {"mid": "m_1", "text": "hello"}
STATUS = {"id": "wamid.9", "status": "sent", "timestamp": "1790000000", "recipient_id": "49155"}
IGNORED, DEAD = "ignored", "dead_letter"
# Kept by sync, to which it is handed over.
STORED = "stored"

SHAPES: dict[str, tuple[Any, Expected]] = {
    # Lead Ads.
    "leadgen, numbers": (
        page({"field": "leadgen", "value": LEAD}, key="changes"),
        [("leadgen", "900100", None)],
    ),
    "leadgen, text and no ad": (
        page(
            {"field": "leadgen", "value": {"leadgen_id": "900101", "page_id": PAGE}}, key="changes"
        ),
        [("leadgen", "900101", None)],
    ),
    "leadgen, two changes": (
        page(
            {"field": "leadgen", "value": LEAD},
            {"field": "leadgen", "value": {**LEAD, "leadgen_id": 900102}},
            key="changes",
        ),
        [("leadgen", "900100", None), ("leadgen", "900102", None)],
    ),
    "leadgen without its id": (
        page({"field": "leadgen", "value": without(LEAD, "leadgen_id")}, key="changes"),
        [("leadgen", None, DEAD)],
    ),
    "leadgen without value": (
        page({"field": "leadgen"}, key="changes"),
        [("leadgen", None, DEAD)],
    ),
    "one malformed change among good ones": (
        page(
            {"field": "leadgen", "value": LEAD},
            {"field": "leadgen", "value": {"leadgen_id": True}},
            "nonsense",
            {"field": "leadgen", "value": {**LEAD, "leadgen_id": 900103}},
            key="changes",
        ),
        [
            ("leadgen", "900100", None),
            ("leadgen", None, DEAD),
            ("change", None, DEAD),
            ("leadgen", "900103", None),
        ],
    ),
    "changes without values": (
        page({"field": "parking"}, {"field": "payment_options"}, key="changes"),
        [("change.parking", None, IGNORED), ("change.payment_options", None, IGNORED)],
    ),
    "an unknown field": (
        page({"field": "foo", "value": {"item": "bar"}}, key="changes"),
        [("change.foo", None, IGNORED)],
    ),
    # Messenger.
    "messenger text": (page(event(message=HELLO)), [("message", "m_1", None)]),
    "messenger text, numeric ids": (
        page(
            event(
                sender={"id": 8100}, recipient={"id": 700100200300}, message={**HELLO, "seq": 73}
            ),
            id=700100200300,
        ),
        [("message", "m_1", None)],
    ),
    "echo": (
        page(event(message={**HELLO, "is_echo": True, "app_id": 5, "metadata": "x"})),
        [("echo", "m_1", STORED)],
    ),
    "sparse echo": (
        {
            "object": "page",
            "entry": [{"id": PAGE, "messaging": [event(message={"mid": "m_2", "is_echo": True})]}],
        },
        [("echo", "m_2", STORED)],
    ),
    "postback": (
        page(event(postback={"payload": "X", "referral": {"source": "SHORTLINK"}})),
        [("postback", None, STORED)],
    ),
    "postback of a guest": (
        page(event(sender={"user_ref": 987}, postback={"payload": "hey", "referral": None})),
        [("postback", None, STORED)],
    ),
    "delivery without time": (
        page(without(event(delivery={"mids": ["m_1"], "watermark": 1}), "timestamp")),
        [("delivery", None, STORED)],
    ),
    "read": (page(event(read={"watermark": 1, "seq": 38})), [("read", None, STORED)]),
    "quick reply": (
        page(event(message={**HELLO, "quick_reply": {"payload": "P"}})),
        [("message", "m_1", None)],
    ),
    "attachment": (
        page(
            event(
                message={
                    "mid": "m_3",
                    "attachments": [{"type": "image", "payload": {"url": "https://x.example/1"}}],
                }
            )
        ),
        [("message", "m_3", None)],
    ),
    "fallback attachment with text payload": (
        page(
            event(message={"mid": "m_4", "attachments": [{"type": "fallback", "payload": "BLOB"}]})
        ),
        [("message", "m_4", None)],
    ),
    "reply to a story": (
        page(event(message={**HELLO, "reply_to": {"story": {"id": "S", "url": "u"}}})),
        [("message", "m_1", None)],
    ),
    "reaction": (
        page(event(reaction={"mid": "m_1", "action": "react", "emoji": "😢"})),
        [("reaction", "m_1", STORED)],
    ),
    "edit": (
        page(event(message_edit={"mid": "m_1", "text": "hello!", "num_edit": "3"})),
        [("message_edit", "m_1", STORED)],
    ),
    "deleted": (
        page(event(message={"is_deleted": True, "mid": "m_1"})),
        [("deleted", "m_1", STORED)],
    ),
    "unsupported": (
        page(event(message={"is_unsupported": True, "mid": "m_1"})),
        [("other", "m_1", STORED)],
    ),
    "standby": (
        page(event(message=HELLO), key="standby"),
        [("standby", None, IGNORED)],
    ),
    "handover": (
        page(event(pass_thread_control={"new_owner_app_id": "1"})),
        [("pass_thread_control", None, IGNORED)],
    ),
    "policy enforcement, no sender": (
        page(without(event(**{"policy-enforcement": {"action": "block"}}), "sender")),
        [("policy-enforcement", None, IGNORED)],
    ),
    "opt-in": (page(event(optin={"type": "x"})), [("optin", None, IGNORED)]),
    "referral in seconds": (
        page(event(referral={"ref": "r"}, timestamp=1790000000)),
        [("referral", None, IGNORED)],
    ),
    "one message in two entries": (
        {
            "object": "page",
            "entry": [{"id": PAGE, "messaging": [event(message=HELLO)]} for _ in range(2)],
        },
        [("message", "m_1", None), ("message", "m_1", None)],
    ),
    "no key that says what it is": (page(event()), [("messaging", None, IGNORED)]),
    "message that is not an object": (page(event(message="hello")), [("message", None, DEAD)]),
    "message without mid": (page(event(message={"text": "x"})), [("message", None, DEAD)]),
    "event that is not an object": (page(5), [("messaging", None, DEAD)]),
    # Instagram.
    "instagram text": (
        page(event(message=HELLO), kind="instagram"),
        [("message", "m_1", None)],
    ),
    "instagram read by mid": (
        page(event(read={"mid": "m_1"}), kind="instagram"),
        [("read", "m_1", STORED)],
    ),
    "instagram story mention": (
        page(
            event(message={"mid": "m_5", "attachments": [{"type": "story_mention"}]}),
            kind="instagram",
        ),
        [("message", "m_5", None)],
    ),
    # WhatsApp.
    "whatsapp text": (
        whatsapp(contacts=CONTACTS, messages=[wa_message()]),
        [("message", "wamid.1", None)],
    ),
    "whatsapp text of a person without number": (
        whatsapp(
            contacts=[{"profile": {"name": "P"}, "user_id": BSUID}],
            messages=[{**without(wa_message(), "from"), "from_user_id": BSUID}],
        ),
        [("message", "wamid.1", None)],
    ),
    "whatsapp, the same message twice": (
        whatsapp(contacts=CONTACTS, messages=[wa_message(), wa_message()]),
        [("message", "wamid.1", None), ("message", "wamid.1", None)],
    ),
    "whatsapp button": (
        whatsapp(
            contacts=CONTACTS,
            messages=[wa_message(type="button", button={"payload": "No", "text": "No"})],
        ),
        [("message", "wamid.1", None)],
    ),
    "whatsapp list reply": (
        whatsapp(
            contacts=CONTACTS,
            messages=[
                wa_message(
                    type="interactive",
                    interactive={"type": "list_reply", "list_reply": {"title": "Tuesday"}},
                )
            ],
        ),
        [("message", "wamid.1", None)],
    ),
    "whatsapp interactive without a body": (
        whatsapp(
            contacts=CONTACTS, messages=[wa_message(type="interactive")], errors=[{"code": 1}]
        ),
        [("message", "wamid.1", None)],
    ),
    "whatsapp reaction": (
        whatsapp(contacts=CONTACTS, messages=[wa_message(type="reaction", reaction={"emoji": ""})]),
        [("message.reaction", "wamid.1", IGNORED)],
    ),
    "whatsapp edit": (
        whatsapp(contacts=CONTACTS, messages=[wa_message(type="edit", edit={})]),
        [("message.edit", "wamid.1", IGNORED)],
    ),
    "whatsapp revoke": (
        whatsapp(contacts=CONTACTS, messages=[wa_message(type="revoke", revoke={})]),
        [("message.revoke", "wamid.1", IGNORED)],
    ),
    "whatsapp system": (
        whatsapp(messages=[wa_message(type="system", system={"type": "user_changed_number"})]),
        [("message.system", "wamid.1", IGNORED)],
    ),
    "whatsapp unsupported": (
        whatsapp(
            contacts=CONTACTS,
            messages=[wa_message(type="unsupported", errors=[{"code": 131051}])],
        ),
        [("message.unsupported", "wamid.1", IGNORED)],
    ),
    "whatsapp group": (
        whatsapp(
            contacts=CONTACTS,
            messages=[wa_message(group_id="5", type="text", text={"body": "hi"})],
        ),
        [("message.group", "wamid.1", IGNORED)],
    ),
    "whatsapp status": (
        whatsapp(contacts=CONTACTS, statuses=[STATUS]),
        [("status", "wamid.9", IGNORED)],
    ),
    "whatsapp unknown status": (
        whatsapp(statuses=[{**STATUS, "status": "in_orbit"}]),
        [("status", "wamid.9", IGNORED)],
    ),
    "whatsapp errors of the whole value": (
        whatsapp(errors=[{"code": 130429}]),
        [("whatsapp.errors", None, IGNORED)],
    ),
    "whatsapp message and status together": (
        whatsapp(contacts=CONTACTS, messages=[wa_message()], statuses=[STATUS]),
        [("message", "wamid.1", None), ("status", "wamid.9", IGNORED)],
    ),
    "whatsapp echo of the business app": (
        whatsapp("smb_message_echoes", message_echoes=[wa_message()]),
        [("whatsapp.smb_message_echoes", None, IGNORED)],
    ),
    "whatsapp user id update": (
        whatsapp("user_id_update", user_id_update=[{"wa_id": "49"}]),
        [("whatsapp.user_id_update", None, IGNORED)],
    ),
    "whatsapp account update, no metadata": (
        {
            "object": "whatsapp_business_account",
            "entry": [{"id": "1", "changes": [{"field": "account_update", "value": {}}]}],
        },
        [("whatsapp.account_update", None, IGNORED)],
    ),
    "whatsapp message without id": (
        whatsapp(contacts=CONTACTS, messages=[without(wa_message(), "id"), wa_message("wamid.2")]),
        [("message", None, DEAD), ("message", "wamid.2", None)],
    ),
    "whatsapp change without value": (
        {
            "object": "whatsapp_business_account",
            "entry": [{"id": "1", "changes": [{"field": "x"}]}],
        },
        [("whatsapp.change", None, DEAD)],
    ),
    # What is not for us, or is nothing.
    "an object of another kind": (
        {"object": "user", "entry": [{"id": "1", "changes": [{"field": "photos"}]}]},
        [("unknown", None, IGNORED)],
    ),
    "no object": ({"entry": []}, [("unknown", None, IGNORED)]),
    "a list": ([], [("unknown", None, IGNORED)]),
    "a number": (7, [("unknown", None, IGNORED)]),
    "null": (None, [("unknown", None, IGNORED)]),
    "no entry": ({"object": "page"}, [("page.empty", None, IGNORED)]),
    "an empty entry list": ({"object": "page", "entry": []}, [("page.empty", None, IGNORED)]),
    "entries that are not a list": (
        {"object": "page", "entry": {"id": 1}},
        [("page.empty", None, IGNORED)],
    ),
    "an entry that is not an object": ({"object": "page", "entry": [7]}, [("page", None, DEAD)]),
    "an entry without updates": (
        {"object": "page", "entry": [{"id": PAGE, "time": 1}]},
        [("entry", None, IGNORED)],
    ),
    "a whatsapp entry without changes": (
        {"object": "whatsapp_business_account", "entry": [{"id": "1"}]},
        [("whatsapp.entry", None, IGNORED)],
    ),
}
