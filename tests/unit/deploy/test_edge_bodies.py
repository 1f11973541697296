"""JSON bodies at the edge: what the transcoder would change without a word is refused."""

import gzip
import json
from typing import Any

import pytest

from tests.unit.deploy.edge_world import Edge, Shop

JSON = {"Content-Type": "application/json"}


async def post(edge: Edge, body: str | bytes, **headers: str) -> Any:
    """The answer to a new lead."""
    data = body.encode() if isinstance(body, str) else body
    return await edge("POST", "/api/leads", data=data, headers={**JSON, **headers})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"parts": {"colourName": "red"}}', "parts: must be a list"),
        ('{"parts": "red"}', "parts: must be a list"),
        ('{"parts": [[{"colourName": "red"}]]}', "parts[0]: must not be a list"),
        ('{"parts": [{}, null]}', "parts[1]: must not be null"),
        ('{"parts": ["red"]}', "parts[0]: must be an object"),
        ('{"labels": "a"}', "labels: must be a list"),
        ('{"labels": [["a"]]}', "labels[0]: must not be a list"),
        ('{"labels": ["a", null]}', "labels[1]: must not be null"),
        ('{"labels": [{}]}', "labels[0]: must not be an object"),
        ('{"name": ["x"]}', "name: must not be a list"),
        ('{"name": {"x": 1}}', "name: must not be an object"),
        ('{"inner": [{"name": "x"}]}', "inner: must not be a list"),
        ('{"inner": "x"}', "inner: must be an object"),
        ('{"inner": {"parts": [{}, []]}}', "inner.parts[1]: must not be a list"),
        ('{"namedParts": [{}]}', "namedParts: must be an object"),
        ('{"namedParts": {"a": null}}', "namedParts.a: must not be null"),
        ('{"namedParts": {"a": [{}]}}', "namedParts.a: must not be a list"),
        ('{"anything": [1]}', "anything: must not be a list"),
        ('{"anything": 1}', "anything: must be an object"),
        ('{"seenTime": ["2026-01-01T00:00:00Z"]}', "seenTime: must not be a list"),
        ('{"things": {"a": 1}}', "things: must be a list"),
        ("[]", "The body must not be a list."),
        ("null", "The body must be an object."),
        ('"x"', "The body must be an object."),
    ],
)
async def test_a_value_of_another_shape_is_400_and_named(
    edge: Edge, shop: Shop, body: str, message: str
) -> None:
    answer = await post(edge, body)
    assert (answer.status, shop.calls) == (400, [])
    assert answer.json == {"code": 3, "message": message, "details": []}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"name": "x", "name": "y"}', "name"),
        ('{"name": "x", "full_name": "y"}', "full_name"),
        (r'{"name": "x", "n\u0061me": "y"}', "name"),
        ('{"parts": [{"colourName": "a", "colour_name": "b"}]}', "parts[0].colour_name"),
        ('{"namedParts": {"ä": {}, "ä": {}}}', "namedParts.ä"),
        (r'{"namedParts": {"😀": {}, "\ud83d\ude00": {}}}', "namedParts.😀"),
        ('{"anything": {"a": {"b": 1, "b": 2}}}', "anything.a.b"),
        (r'{"anything": {"a\\n": 1, "a\\\u006e": 2}}', r"anything.a\n"),
    ],
)
async def test_a_name_that_is_given_twice_is_400_and_named(
    edge: Edge, shop: Shop, body: str, field: str
) -> None:
    answer = await post(edge, body)
    assert (answer.status, shop.calls) == (400, [])
    assert answer.json["message"] == f"{field}: must be given once"


@pytest.mark.parametrize(
    "body",
    [
        '{"parts": [], "labels": [], "namedParts": {}, "anything": {}}',
        '{"parts": null, "namedParts": null, "inner": null, "seenTime": null, "name": null}',
        '{"anything": {"a": [[1, null], {"b": null}], "A": 1}}',
        '{"things": [1, ["a", [null]], {"b": 2}]}',
        r'{"namedParts": {"\u00e4": {}, "\u00f6": {}, "a\\u0041": {}, "aA": {}}}',
        ' { "labels" : [ "a" , "a" ] } ',
    ],
)
async def test_what_the_request_can_hold_passes(edge: Edge, shop: Shop, body: str) -> None:
    answer = await post(edge, body)
    assert answer.status == 200, answer.body
    assert len(shop.calls) == 1


def nested(levels: int, *, way: str) -> str:
    """A body with as many levels in one of its fields."""
    if way == "messages":
        return '{"inner":' * levels + "{}" + "}" * levels
    if way == "objects":
        return '{"anything":' + '{"a":' * levels + "1" + "}" * levels + "}"
    return '{"things":' + "[" * levels + "]" * levels + "}"


@pytest.mark.parametrize(("way", "levels_max"), [("messages", 99), ("objects", 32), ("lists", 50)])
async def test_nesting_is_taken_as_deep_as_a_service_reads_it_and_no_deeper(
    edge: Edge, shop: Shop, way: str, levels_max: int
) -> None:
    assert (await post(edge, nested(levels_max, way=way))).status == 200
    for levels in (levels_max + 1, 1000, 100_000):
        answer = await post(edge, nested(levels, way=way))
        assert (answer.status, len(shop.calls)) == (400, 1)
        assert answer.json["message"] == "The body is nested too deep."


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_a_number_that_json_does_not_have_is_400(edge: Edge, shop: Shop, number: str) -> None:
    answer = await post(edge, f'{{"anything": {{"a": {number}}}}}')
    assert (answer.status, answer.json["code"], shop.calls) == (400, 3, [])


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "x-gzip, identity"])
async def test_a_compressed_body_is_415_and_told_to_come_plain(
    edge: Edge, shop: Shop, encoding: str
) -> None:
    body = gzip.compress(json.dumps({"name": "x"}).encode())
    answer = await post(edge, body, **{"Content-Encoding": encoding})
    assert (answer.status, answer.json["code"], shop.calls) == (415, 3, [])
    assert answer.json["message"] == "The body has a Content-Encoding: send it uncompressed."


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json"),
        *("application/grpcx", "application/grpc-web", "application/grpc;a=b", "Application/grpc"),
    ],
)
async def test_a_content_type_that_is_not_json_is_415(
    edge: Edge, shop: Shop, content_type: str
) -> None:
    answer = await post(edge, '{"name": "x"}', **{"Content-Type": content_type})
    assert (answer.status, answer.json["code"], shop.calls) == (415, 3, [])
    assert answer.json["message"] == (
        "The body must be JSON: send it with Content-Type: application/json."
    )


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", "application/ld+json"]
)
async def test_every_way_to_say_json_passes(edge: Edge, shop: Shop, content_type: str) -> None:
    answer = await post(edge, '{"name": "x"}', **{"Content-Type": content_type})
    assert (answer.status, len(shop.calls)) == (200, 1)


async def test_a_body_whose_kind_is_not_said_is_taken_as_json(edge: Edge, shop: Shop) -> None:
    answer = await edge(
        "POST", "/api/leads", data=b'{"name": "x"}', skip_auto_headers=["Content-Type"]
    )
    assert (answer.status, answer.json["name"]) == (200, "x")
