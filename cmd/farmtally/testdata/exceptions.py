"""Provokes exceptions with an unmodified boto3 and says which class each arrives as.

Reads one JSON object from standard input: the endpoint, and calls, a list of
{operation, arguments}. Prints a list: for each call the exception's class (ClientError
for one that the service's model lacks), the HTTP status and the members of the error,
or null where no exception came.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def provoke(client, call):
    try:
        getattr(client, call["operation"])(**call["arguments"])
    except ClientError as error:
        named = getattr(client.exceptions, error.response["Error"]["Code"], ClientError)
        assert isinstance(error, named), (type(error), named)
        response = dict(error.response)
        metadata = response.pop("ResponseMetadata")
        return {
            "class": type(error).__name__,
            "httpStatus": metadata["HTTPStatusCode"],
            "requestId": metadata.get("RequestId"),
            "members": response,
        }
    return None


def main():
    given = json.load(sys.stdin)
    client = boto3.client(
        "deadline",
        endpoint_url=given["endpoint"],
        region_name="us-west-2",
        config=Config(retries={"total_max_attempts": 1}),
    )
    json.dump([provoke(client, call) for call in given["calls"]], sys.stdout)


main()
