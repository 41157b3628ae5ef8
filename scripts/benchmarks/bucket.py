"""A bucket on one of the stores that scripts/servers starts."""

import os
import random

import boto3

STORES = {"seaweedfs": "STRONGROOM_TEST_SEAWEEDFS", "ceph": "STRONGROOM_TEST_CEPH"}
RCLONE_PROVIDERS = {"seaweedfs": "SeaweedFS", "ceph": "Ceph"}


class Bucket:
    """A bucket on one of the stores, and how each tool is told of it."""

    def __init__(self, store, locked):
        self.endpoint = os.environ[STORES[store]]
        self.name = f"bench-{'locked' if locked else 'plain'}-{random.SystemRandom().getrandbits(32):08x}"
        self.client = boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1",
            aws_access_key_id="testaccess", aws_secret_access_key="testsecretkey",
        )
        self.client.create_bucket(Bucket=self.name, **({"ObjectLockEnabledForBucket": True} if locked else {}))
        keys = {"AWS_ACCESS_KEY_ID": "testaccess", "AWS_SECRET_ACCESS_KEY": "testsecretkey", "AWS_REGION": "us-east-1"}
        self.environment = {
            **keys,
            "STRONGROOM_STORE_ENDPOINT": self.endpoint,
            "STRONGROOM_STORE_ALLOW_HTTP": "true",
            "STRONGROOM_STORE_REGION": "us-east-1",
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_STORE_TYPE": "s3",
            "RCLONE_CONFIG_STORE_PROVIDER": RCLONE_PROVIDERS[store],
            "RCLONE_CONFIG_STORE_ENDPOINT": self.endpoint,
            "RCLONE_CONFIG_STORE_ACCESS_KEY_ID": "testaccess",
            "RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY": "testsecretkey",
            "RCLONE_S3_NO_CHECK_BUCKET": "true",
        }

    def empty(self):
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.name):
            for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
                self.client.delete_object(
                    Bucket=self.name, Key=version["Key"], VersionId=version["VersionId"], BypassGovernanceRetention=True
                )
