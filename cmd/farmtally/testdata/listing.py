"""Lists with an unmodified boto3's paginator, as a user's program does.

Reads one JSON object from standard input: the endpoint, the operation, its arguments and
the PaginationConfig. Prints the paginator's full result.
"""

import datetime
import json
import sys

import boto3


def main():
    given = json.load(sys.stdin)
    client = boto3.client("deadline", endpoint_url=given["endpoint"], region_name="us-west-2")
    paginator = client.get_paginator(given["operation"])
    pages = paginator.paginate(**given["arguments"], PaginationConfig=given["pagination"])
    json.dump(pages.build_full_result(), sys.stdout, default=datetime.datetime.isoformat)


main()
