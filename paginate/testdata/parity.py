"""Runs botocore's own paginator on what each line of standard input describes.

A line in: {"rule": an entry of paginators-1.json, "string_limit": bool,
"pages": [{"ask": [token, ...], "page": {...}}, ...], "kwargs": {...},
"config": {"MaxItems": ..., "PageSize": ..., "StartingToken": ...}}

A line out: {"calls": [kwargs, ...], "pages": [...], "token": str or null,
"full": {...}, "error": str or null}

Bytes travel as {"__bytes__": base64}.
"""

import base64
import copy
import json
import sys
from types import SimpleNamespace

try:
    import botocore
    from botocore.exceptions import PaginationError
    from botocore.paginate import Paginator
except ImportError as problem:
    print(json.dumps({"missing": str(problem)}), flush=True)
    sys.exit(0)

MOST_CALLS = 200


def unwrap(members):
    if set(members) == {"__bytes__"}:
        return base64.b64decode(members["__bytes__"])
    return members


def wrap(value):
    if isinstance(value, bytes):
        return {"__bytes__": base64.b64encode(value).decode()}
    raise TypeError(type(value).__name__)


class Operation:
    """A service's operation that answers tokens with given pages."""

    def __init__(self, names, pages):
        self.names = names
        self.pages = pages
        self.calls = []

    def __call__(self, **kwargs):
        self.calls.append(copy.deepcopy(kwargs))
        if len(self.calls) > MOST_CALLS:
            raise RuntimeError("no end")
        asked = [kwargs.get(name) for name in self.names]
        for known in self.pages:
            if known["ask"] == asked:
                return copy.deepcopy(known["page"])
        raise LookupError("no such token")


def input_tokens(rule):
    names = rule["input_token"]
    return names if isinstance(names, list) else [names]


def pages_of(case):
    operation = Operation(input_tokens(case["rule"]), case["pages"])
    kind = "string" if case["string_limit"] else "integer"
    members = {}
    if "limit_key" in case["rule"]:
        members[case["rule"]["limit_key"]] = SimpleNamespace(type_name=kind)
    model = SimpleNamespace(input_shape=SimpleNamespace(members=members))
    paginator = Paginator(operation, case["rule"], model)
    kwargs = copy.deepcopy(case["kwargs"])
    return operation, paginator.paginate(PaginationConfig=case["config"], **kwargs)


def attempt(action):
    try:
        action()
    except PaginationError:
        return "repeated"
    except Exception as problem:
        return type(problem).__name__
    return None


def answer(case):
    out = {"pages": [], "full": None, "calls": [], "token": None}

    def read_pages():
        operation, pages = pages_of(case)
        out["calls"] = operation.calls
        for page in pages:
            out["pages"].append(copy.deepcopy(page))
        out["token"] = pages.resume_token

    def read_full():
        out["full"] = pages_of(case)[1].build_full_result()

    out["error"] = attempt(read_pages)
    attempt(read_full)
    return out


print(json.dumps({"botocore": botocore.__version__}), flush=True)
for line in sys.stdin:
    case = json.loads(line, object_hook=unwrap)
    print(json.dumps(answer(case), default=wrap), flush=True)
