"""Prints the model of the API that this boto3 brings, as JSON, or that of AWS_DATA_PATH for
one that is too old to bring any.
"""

import json
import os
import sys

import botocore.session
from botocore.exceptions import UnknownServiceError


def model():
    loader = botocore.session.get_session().get_component("data_loader")
    return loader.load_service_model("deadline", "service-2")


path = os.environ.pop("AWS_DATA_PATH")
try:
    found = model()
except UnknownServiceError:
    os.environ["AWS_DATA_PATH"] = path
    found = model()
json.dump(found, sys.stdout)
