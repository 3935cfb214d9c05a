"""Asks a server with an unmodified boto3: reads one JSON task from standard input and
prints one JSON answer, as clients/go does, whose main.go describes them.
"""

import datetime
import json
import sys
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def client_of(task):
    config = Config() if task["retries"] else Config(retries={"total_max_attempts": 1})
    return boto3.Session().client(
        "deadline", endpoint_url=task["endpoint"], region_name="us-west-2", config=config
    )


def pages_of(client, operation, size, member, token=None, **members):
    """The items of all pages, and the service's tokens on the way."""
    if token is not None:
        members["nextToken"] = token
    items, tokens = [], []
    paginator = client.get_paginator(operation)
    for page in paginator.paginate(**members, PaginationConfig={"PageSize": size}):
        items += page[member]
        if page.get("nextToken"):
            tokens.append(page["nextToken"])
    return items, tokens


def lists_of(client, farm, sizes):
    lists = {"farms": {}, "queues": {}, "fleets": {}}
    for size in sizes:
        for member, members in (("farms", {}), ("queues", {"farmId": farm}), ("fleets", {"farmId": farm})):
            lists[member][size] = pages_of(client, "list_" + member, size, member, **members)[0]
    return lists


def start_and_read(client, start, sizes):
    started = client.start_sessions_statistics_aggregation(**start)
    wanted = {"farmId": start["farmId"], "aggregationId": started["aggregationId"]}
    answer = {"attempts": started["ResponseMetadata"]["RetryAttempts"] + 1, "rows": {}, "pages": {}}
    while True:
        answer["status"] = client.get_sessions_statistics_aggregation(**wanted)["status"]
        if answer["status"] != "IN_PROGRESS":
            break
        time.sleep(0.01)
    get = "get_sessions_statistics_aggregation"
    for size in sizes:
        rows, tokens = pages_of(client, get, size, "statistics", **wanted)
        answer["rows"][size], answer["pages"][size] = rows, len(tokens) + 1
        if size == 1 and len(tokens) > 1:
            middle = tokens[len(tokens) // 2]
            answer["resumed"] = pages_of(client, get, 100, "statistics", middle, **wanted)[0]
    return answer


def exception_of(client, error):
    members = dict(error.response)
    metadata = members.pop("ResponseMetadata")
    code = error.response["Error"]["Code"]
    modelled = getattr(client.exceptions, code, None)
    return {
        "class": type(error).__name__ if modelled and isinstance(error, modelled) else "",
        "code": code,
        "httpStatus": metadata["HTTPStatusCode"],
        "members": members,
    }


def snake(operation):
    return "".join("_" + c.lower() if c.isupper() else c for c in operation).lstrip("_")


def provoke(client, calls):
    got = []
    for call in calls:
        try:
            getattr(client, snake(call["operation"]))(**call["input"])
            got.append(None)
        except ClientError as error:
            got.append(exception_of(client, error))
    return got


def race(task):
    starts = task["race"]["starts"]
    clients = [client_of(task) for _ in starts]
    answers = [None] * len(starts)
    barrier = threading.Barrier(len(starts))

    def run(i):
        clients[i].list_farms()
        barrier.wait()
        try:
            answers[i] = start_and_read(clients[i], starts[i], [100])
        except ClientError as error:
            answers[i] = {"exception": exception_of(clients[i], error)}

    threads = [threading.Thread(target=run, args=[i]) for i in range(len(starts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def answer(task):
    if "read" in task:
        client, wanted = client_of(task), task["read"]
        lists = lists_of(client, wanted["farmId"], wanted["pageSizes"])
        return lists | start_and_read(client, wanted["start"], wanted["pageSizes"])
    if "provoke" in task:
        return provoke(client_of(task), task["provoke"])
    return race(task)


json.dump(answer(json.load(sys.stdin)), sys.stdout, default=datetime.datetime.isoformat)
