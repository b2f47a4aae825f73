"""A real S3 endpoint for tests: moto's server, in a thread of its own."""

import json
import logging
import urllib.request
import uuid
from typing import Any, Self

import boto3  # type: ignore[import-untyped]
from moto.server import ThreadedMotoServer

REGION = "us-east-1"
_EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}
_NEVER = 1 << 30


class S3Server:
    """Serves S3 at `endpoint` to whoever has `access_key` and `secret_key`, once `guard` was called."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(port=0, verbose=False)
        self.endpoint = ""
        self.port = 0
        self.access_key = self.secret_key = "testing"
        self.client: Any = None

    def __enter__(self) -> Self:
        self._server.start()
        _, self.port = self._server.get_host_and_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.access_key, self.secret_key = self.make_user(json.dumps(_EVERYTHING))
        self.client = boto3.client("s3", endpoint_url=self.endpoint, region_name=REGION, **self._keys())
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def make_user(self, policy: str) -> tuple[str, str]:
        """The keys of a new user who may do what the policy says."""
        iam: Any = boto3.client("iam", endpoint_url=self.endpoint, region_name=REGION, **self._keys())
        user = f"u{uuid.uuid4().hex}"  # what moto keeps, it keeps for all its servers of a process
        iam.create_user(UserName=user)
        iam.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=policy)
        made = iam.create_access_key(UserName=user)["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]

    def guard(self, *, checked: bool) -> None:
        """Hold every request against the keys from now on, or none."""
        count = str(0 if checked else _NEVER).encode()
        request = urllib.request.Request(f"{self.endpoint}/moto-api/reset-auth", data=count, method="POST")
        request.add_header("Content-Type", "text/plain")
        urllib.request.urlopen(request, timeout=10).close()

    def _keys(self) -> dict[str, str]:
        return {"aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret_key}
