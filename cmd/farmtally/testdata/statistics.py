"""Asks for statistics with an unmodified boto3, as a user's program does.

Reads one JSON object from standard input:

    endpoint    the server's URL
    request     the members of StartSessionsStatisticsAggregation
    pagination  PaginationConfig of each pass, a list; "$TOKEN" as its StartingToken
                stands for the NextToken of the pass before

and prints one: the aggregation's id, each pass's full result, the pages of an
iteration, and the Python type of each member that was seen.
"""

import datetime
import json
import sys
import time

import boto3
from botocore.config import Config


def plain(value, types, name=""):
    """The value as JSON can hold it; notes the type of each named member."""
    if isinstance(value, dict):
        return {k: plain(v, types, k) for k, v in value.items() if k != "ResponseMetadata"}
    if isinstance(value, list):
        return [plain(v, types, name) for v in value]
    types.setdefault(name, set()).add(type(value).__name__)
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return value


def main():
    given = json.load(sys.stdin)
    client = boto3.client(
        "deadline",
        endpoint_url=given["endpoint"],
        region_name="us-west-2",
        config=Config(retries={"total_max_attempts": 1}),
    )
    started = client.start_sessions_statistics_aggregation(**given["request"])
    wanted = {
        "aggregationId": started["aggregationId"],
        "farmId": given["request"]["farmId"],
    }
    while True:
        page = client.get_sessions_statistics_aggregation(**wanted, maxResults=1)
        if page["status"] != "IN_PROGRESS":
            break
        time.sleep(0.02)

    paginator = client.get_paginator("get_sessions_statistics_aggregation")
    types, passes, token = {}, [], None
    for pagination in given["pagination"]:
        if pagination.get("StartingToken") == "$TOKEN":
            pagination["StartingToken"] = token
        result = paginator.paginate(**wanted, PaginationConfig=pagination).build_full_result()
        token = result.get("NextToken")
        passes.append(plain(result, types))
    pages = [plain(page, types) for page in paginator.paginate(**wanted, PaginationConfig={"PageSize": 2})]
    json.dump(
        {
            "aggregationId": started["aggregationId"],
            "status": page["status"],
            "passes": passes,
            "pages": pages,
            "types": {k: sorted(v) for k, v in types.items()},
        },
        sys.stdout,
    )


main()
