#!/usr/bin/env python3
"""Sends usage records to a farmtally server, signed by botocore, which comes with boto3.

    push.py FARM FILE.ndjson

The server is AWS_ENDPOINT_URL_DEADLINE or http://localhost:8787; the key is that of AWS's
standard configuration. Sending a file again does no harm.
"""

import gzip
import hashlib
import json
import os
import sys
from urllib.parse import quote

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

ROWS = 1000  # of a batch; a server takes up to 10,000


def farm_id(name):
    """The id of a farm whose records are farmtally's own: docs/formats.md, Names and ids."""
    parts = ("farm-", "farmtally", name, name)
    return "farm-" + hashlib.sha256(b"".join(p.encode() + b"\0" for p in parts)).hexdigest()[:32]


def send(farm, lines):
    endpoint = os.environ.get("AWS_ENDPOINT_URL_DEADLINE", "http://localhost:8787")
    url = f"{endpoint}/v1/farms/{farm_id(farm)}/usage?farmName={quote(farm, safe='')}"
    body = gzip.compress(b"".join(lines))
    request = AWSRequest("POST", url, data=body, headers={"Content-Encoding": "gzip"})
    key = botocore.session.get_session().get_credentials()
    SigV4Auth(key, "deadline", "us-east-1").add_auth(request)
    answer = URLLib3Session().send(request.prepare())
    if answer.status_code != 200:
        sys.exit(f"{answer.headers.get('x-amzn-ErrorType')}: {json.loads(answer.content)['message']}")
    return json.loads(answer.content)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    farm, path = sys.argv[1:]
    with open(path, "rb") as file:
        lines = file.readlines()
    for at in range(0, len(lines), ROWS):
        result = send(farm, lines[at : at + ROWS])
        print(f"{result['accepted']} new, {result['unchanged']} known, {result['rejected']} rejected")
        for fault in result.get("faults", []):
            print(f"{path}:{at + fault['line']}: {fault['field']}: {fault['reason']}", file=sys.stderr)


main()
