"""A real S3 server over HTTP, on loopback: moto's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

from actors.settings import Settings

REGION = "us-east-1"
ACCESS_KEY_ID, SECRET_ACCESS_KEY = "AKIDOFTHETESTS", "the-secret-of-the-tests-store"


class Store(NamedTuple):
    """A server, and a client of another make."""

    url: str
    boto: Any

    def bucket(self, name: str, **objects: bytes) -> None:
        """Make a bucket that holds these objects."""
        self.boto.create_bucket(Bucket=name)
        for key, body in objects.items():
            self.put(name, key, body)

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Store an object."""
        self.boto.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/pdf")

    def keys(self, bucket: str) -> list[str]:
        """What a bucket holds."""
        return [each["Key"] for each in self.boto.list_objects_v2(Bucket=bucket).get("Contents", [])]

    def unfinished(self, bucket: str) -> list[str]:
        """The objects of which only parts have been sent, which a bucket keeps and charges for."""
        return [each["Key"] for each in self.boto.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]


@contextmanager
def s3_server() -> Iterator[Store]:
    """Serve on a free port."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        yield Store(
            url,
            boto3.client(
                "s3",
                endpoint_url=url,
                region_name=REGION,
                aws_access_key_id=ACCESS_KEY_ID,
                aws_secret_access_key=SECRET_ACCESS_KEY,
            ),
        )
    finally:
        server.stop()


def opened(settings: Settings, url: str, *buckets: str, **changes: Any) -> Settings:
    """Settings by which buckets of a store at `url` are read."""
    return replace(
        settings,
        s3_endpoint=url,
        s3_region=REGION,
        s3_access_key_id=ACCESS_KEY_ID,
        s3_secret_access_key=SECRET_ACCESS_KEY,
        s3_buckets=buckets,
        **changes,
    )
