"""Fuzz the reading of JMAP requests, and the core of the protocol behind it.

`python tests/fuzz/fuzz_jmap.py --runs 100000` from the checkout.
"""

import json
import sys
from pathlib import Path
from typing import Any

# Run as a script, only this folder is on the path.
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from pillarbox.protocol.jmap import arguments, filters, ids, patch, writing
from pillarbox.protocol.jmap.arguments import CopyArguments, QueryArguments, SetArguments
from pillarbox.protocol.jmap.capabilities import CAPABILITIES
from pillarbox.protocol.jmap.errors import MethodError, SetError
from pillarbox.protocol.jmap.ids import CreatedIds
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS
from pillarbox.protocol.jmap.problems import Problem
from pillarbox.protocol.jmap.references import Response, Results, referred
from pillarbox.protocol.jmap.request import Call, decode
from pillarbox.protocol.jmap.types import email
from pillarbox.protocol.jmap.types.email import EMAIL, EmailGetArguments
from pillarbox.protocol.jmap.types.mailbox import MAILBOX
from tests.fuzz import harness

SEEDS = (
    (
        b'{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[["Core/echo",{"a":[1,-2.5e3,'
        b'null,true,{"b":"\\u00e4\\ud83d\\ude00\\\\\\""}]},"0"],["Core/echo",{"#a":{"resultOf":"0","name":"Core/echo",'
        b'"path":"/a/*/b"}},"1"]],"createdIds":{"k":"M1"}}'
    ),
    (
        b'{"using":[],"methodCalls":[["Email/query",{"accountId":"A1","filter":{"operator":"OR","conditions":[{"inMailbox":'
        b'"F1"},{"operator":"NOT","conditions":[{"hasKeyword":"$seen"}]}]},"sort":[{"property":"receivedAt","isAscending":'
        b'false},{"property":"hasKeyword","keyword":"$flagged"}],"position":-3,"anchor":"M1","limit":0},"0"]]}'
    ),
    (
        b'{"using":[],"methodCalls":[["Email/set",{"accountId":"A1","ifInState":"1","create":{"a":{"mailboxIds":{"#b":true},'
        b'"from":[{"email":"a@b.example"}]},"b":{"name":"B","parentId":"#a"}},"update":{"M1":{"keywords/$seen":null,'
        b'"mailboxIds/#b":true,"keywords~1x":1}},"destroy":["#a","M2"]},"0"]]}'
    ),
    b'[[[{"a":{"a":"\xef\xbf\xbe"}}]]]',
)
READ = (EmailGetArguments, SetArguments, QueryArguments, CopyArguments)


def target(octets: bytes) -> None:
    """Every request is answered by a problem, or by a response or an error for each call."""
    request = decode(octets, CAPABILITIES.keys(), DEFAULT_LIMITS)
    if isinstance(request, Problem):
        assert json.loads(request.octets())["status"] == 400
        return
    json.loads(octets)  # what we read, another reader does as well
    results = Results(DEFAULT_LIMITS, referred([call.arguments for call in request.calls]))
    created = CreatedIds(request.created_ids)
    for call in request.calls:
        response = _answered(call, results, created)
        results.add(response)
        assert json.loads(b"".join(writing.pieces(response)))[2] == call.id


def _answered(call: Call, results: Results, created: CreatedIds) -> Response:
    try:
        resolved = results.resolve(call.arguments)
        for kind in READ:
            _read(kind, resolved, created)
    except MethodError as error:
        return Response("error", error.arguments(), call.id)
    return Response(call.name, resolved, call.id)


def _read(kind: Any, given: dict[str, Any], created: CreatedIds) -> None:
    try:
        read = arguments.read(kind, given)
        if isinstance(read, QueryArguments):
            filters.read_filter(read.filter, email.CONDITIONS, DEFAULT_LIMITS)
            filters.read_sort(read.sort, email.SORTS, DEFAULT_LIMITS)
        elif isinstance(read, SetArguments):
            _set(read, created)
    except MethodError as error:
        json.dumps(error.arguments())


def _set(read: SetArguments, created: CreatedIds) -> None:
    for table in (EMAIL, MAILBOX):
        creates = read.create or {}
        assert sorted(ids.in_order(creates, table.references)) == sorted(creates)
        for record in creates.values():
            resolved = created.resolve(record, table.references)
            if not isinstance(resolved, SetError):
                table.create(resolved)
        for change in (read.update or {}).values():
            table.update(dict.fromkeys, change, DEFAULT_LIMITS)
            try:
                patch.apply({"keywords": {"$seen": True}}, patch.parse(change, DEFAULT_LIMITS))
            except patch.InvalidPatch:
                pass


if __name__ == "__main__":
    harness.main(target, SEEDS)
