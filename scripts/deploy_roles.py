"""Three users with the three policies, and what each could do when it tried. Every request is sent, and its answer told."""

import base64
import datetime
import hashlib

import boto3
import botocore.config
import botocore.exceptions

from deploy_bench import REGION, strongroom

UPLOAD, RETENTION, AUDIT, STRANGER = "upload", "retention-admin", "audit", "stranger"


def client(endpoint, key, secret, authority=None):
    # One attempt: what is refused is refused, and a table of requests tells each once.
    return boto3.client(
        "s3", endpoint_url=endpoint, region_name=REGION, aws_access_key_id=key, aws_secret_access_key=secret,
        verify=authority, config=botocore.config.Config(
            retries={"max_attempts": 1}, request_checksum_calculation="when_required", s3={"addressing_style": "path"}),
    )


def in_days(days):
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(days=days)


def answered(call, **arguments):
    """`yes`, or the status and the code of the refusal."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as refused:
        metadata = refused.response["ResponseMetadata"]["HTTPStatusCode"]
        return f"{metadata} {refused.response['Error'].get('Code', '')}".strip()
    return "yes"


class Target:
    """Two versions that the roles try themselves on, under COMPLIANCE and under GOVERNANCE. Who writes an object owns it on some
    stores, and may then do with it whatever nobody denies: so a role is tried on objects that it wrote itself."""

    def __init__(self, writer, bucket, prefix, name):
        self.writer, self.bucket, self.prefix = writer, bucket, prefix
        self.until = in_days(2)
        self.compliance = self.put(f"{name}/compliance", "COMPLIANCE")
        self.governance = self.put(f"{name}/governance", "GOVERNANCE")

    def put(self, name, mode):
        key = self.prefix + name
        # A lock in a PUT wants a digest, and the SDK's own trailers get 411 from Ceph RGW over TLS.
        body = b"evidence"
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        put = self.writer.put_object(Bucket=self.bucket, Key=key, Body=body, ContentMD5=digest, ObjectLockMode=mode,
                                     ObjectLockRetainUntilDate=self.until)
        return {"Bucket": self.bucket, "Key": key, "VersionId": put["VersionId"]}

    def still_locked(self, reader):
        """Whether both versions are there, and locked as long as they were, or longer."""
        for version, mode in ((self.compliance, "COMPLIANCE"), (self.governance, "GOVERNANCE")):
            reader.get_object(**version)["Body"].read()
            seen = reader.get_object_retention(**version)["Retention"]
            if seen["Mode"] != mode or seen["RetainUntilDate"] < self.until:
                return False
        return True


def attacks(s3, target):
    """What no role may do: name and call."""
    bucket, key = {"Bucket": target.bucket}, target.compliance["Key"]
    sooner = {"Mode": "GOVERNANCE", "RetainUntilDate": in_days(1)}
    return {
        "delete a version under COMPLIANCE": lambda: answered(s3.delete_object, **target.compliance),
        "delete a version under GOVERNANCE": lambda: answered(s3.delete_object, **target.governance),
        "delete a version under GOVERNANCE with the bypass":
            lambda: answered(s3.delete_object, **target.governance, BypassGovernanceRetention=True),
        "hide an object under a delete marker": lambda: answered(s3.delete_object, **bucket, Key=key),
        "shorten COMPLIANCE": lambda: answered(s3.put_object_retention, **target.compliance, Retention={
            "Mode": "COMPLIANCE", "RetainUntilDate": in_days(1)}),
        "shorten GOVERNANCE": lambda: answered(s3.put_object_retention, **target.governance, Retention=sooner),
        "shorten GOVERNANCE with the bypass": lambda: answered(
            s3.put_object_retention, **target.governance, Retention=sooner, BypassGovernanceRetention=True),
        "take a lock off with the bypass": lambda: answered(
            s3.put_object_retention, **target.governance, Retention={}, BypassGovernanceRetention=True),
        "change the Object Lock configuration": lambda: answered(
            s3.put_object_lock_configuration, **bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}),
        "suspend versioning": lambda: answered(
            s3.put_bucket_versioning, **bucket, VersioningConfiguration={"Status": "Suspended"}),
        "change the bucket's policy": lambda: answered(
            s3.put_bucket_policy, **bucket, Policy='{"Version":"2012-10-17","Statement":[]}'),
        "delete the bucket's policy": lambda: answered(s3.delete_bucket_policy, **bucket),
        "change the lifecycle": lambda: answered(s3.delete_bucket_lifecycle, **bucket),
        "lift the public access block": lambda: answered(s3.delete_public_access_block, **bucket),
        "change the bucket's ACL": lambda: answered(s3.put_bucket_acl, **bucket, ACL="public-read"),
        "change an object's ACL": lambda: answered(s3.put_object_acl, **bucket, Key=key, ACL="public-read"),
        "delete the bucket": lambda: answered(s3.delete_bucket, **bucket),
    }


def writes(s3, target):
    """What only who stores evidence may do."""
    bucket = {"Bucket": target.bucket}
    return {
        "write an object": lambda: answered(s3.put_object, **bucket, Key=target.prefix + "bundles/x", Body=b"x"),
        "begin a multipart upload": lambda: answered(
            s3.create_multipart_upload, **bucket, Key=target.prefix + "bundles/y"),
    }


def reads(s3, target):
    bucket, version = {"Bucket": target.bucket}, target.compliance
    return {
        "list objects": lambda: answered(s3.list_objects_v2, **bucket),
        "list versions": lambda: answered(s3.list_object_versions, **bucket),
        "read an object": lambda: answered(s3.get_object, **bucket, Key=version["Key"]),
        "read a version": lambda: answered(s3.get_object, **version),
        "read its retention": lambda: answered(s3.get_object_retention, **version),
        "read its legal hold": lambda: answered(s3.get_object_legal_hold, **version),
        "read the Object Lock configuration": lambda: answered(s3.get_object_lock_configuration, **bucket),
        "read the versioning": lambda: answered(s3.get_bucket_versioning, **bucket),
    }


def configuration(s3, target):
    bucket = {"Bucket": target.bucket}
    return {
        "read the bucket's policy": lambda: answered(s3.get_bucket_policy, **bucket),
        "read the lifecycle": lambda: answered(s3.get_bucket_lifecycle_configuration, **bucket),
        "read the public access block": lambda: answered(s3.get_public_access_block, **bucket),
        "read the tags": lambda: answered(s3.get_bucket_tagging, **bucket),
        "list unfinished uploads": lambda: answered(s3.list_multipart_uploads, **bucket),
    }


def locks(s3, target):
    later = {"Mode": "COMPLIANCE", "RetainUntilDate": in_days(3)}
    return {"lengthen a lock": lambda: answered(s3.put_object_retention, **target.compliance, Retention=later)}


def holds(s3, target):
    return {
        "place a legal hold": lambda: answered(s3.put_object_legal_hold, **target.compliance, LegalHold={"Status": "ON"}),
        "release a legal hold": lambda: answered(s3.put_object_legal_hold, **target.compliance, LegalHold={"Status": "OFF"}),
    }


def records(s3, target):
    return {"write a record": lambda: answered(
        s3.put_object, Bucket=target.bucket, Key=target.prefix + "records/x/y.json", Body=b"{}")}


GROUPS = (reads, configuration, writes, records, locks, holds, attacks)
MAY = {
    UPLOAD: {reads, writes, records, locks},
    RETENTION: {reads, records, locks, holds},
    AUDIT: {reads, configuration},
    STRANGER: set(),
}


def try_all(say, clients, bucket, prefix):
    """Every request by every role, and whether the answer is the wanted one. """
    stored = Target(clients[UPLOAD], bucket, prefix, "tried")
    recorded = Target(clients[RETENTION], bucket, prefix, "records/tried")
    tried = [(role, stored, "what was uploaded") for role in clients] + [(RETENTION, recorded, "its own records")]
    wrong, count = [], 0
    for role, target, what in tried:
        say(f"  {role}, on {what}:")
        for group in GROUPS:
            wanted = group in MAY[role]
            for name, attempt in group(clients[role], target).items():
                answer = attempt()
                # Ceph RGW says 404 of a hold that was never set, to whoever may ask; an empty retention it calls malformed.
                may = ("yes", "404 ObjectLockConfigurationNotFoundError")
                right = answer in may if wanted else answer.startswith(("400", "403", "409"))
                count += 1
                say(f"    {name:50} {'yes' if wanted else 'refused':8} {answer}{'' if right else '   <-- not so'}")
                if not right:
                    wrong.append(f"{role}: {name}: {answer}")
    say.expect(not wrong, f"each of {count} requests was answered as its role says" + (f": {wrong}" if wrong else ""))
    say.expect(stored.still_locked(clients[AUDIT]) and recorded.still_locked(clients[AUDIT]),
               "after all that the versions are there, and locked as long as before")


def without_the_policy(say, owner, attacker, principal, bucket):
    """The same attack where nobody denies it: it is the policy that stops it, not the request's form."""
    owner.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    owner.put_bucket_policy(Bucket=bucket, Policy=(
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["%s"]},"Action":"s3:DeleteObjectVersion",'
        '"Resource":"arn:aws:s3:::%s/*"}]}' % (principal, bucket)))
    target = Target(owner, bucket, "", "tried")
    answer = answered(attacker.delete_object, **target.governance, BypassGovernanceRetention=True)
    say.expect(answer == "yes", "without the policy's Deny, whoever may delete versions bypasses GOVERNANCE on this store")


def by_strongroom(say, environments, bundle_id):
    """The same roles by Strongroom's own commands."""
    upload, retention, audit = (environments[role] for role in (UPLOAD, RETENTION, AUDIT))
    until = in_days(4).strftime("%Y-%m-%d")
    listed = strongroom("evidence", "list", environment=upload)
    say.expect(bundle_id in str(listed), "the upload role lists what it stored")
    strongroom("evidence", "retention", "extend", "--bundle-id", bundle_id, "--retain-until", until, "--lock", "compliance",
               "--yes-lock-until", until, environment=retention)
    hold = strongroom("evidence", "hold", "place", "--bundle-id", bundle_id, "--reason", "case 7", "--yes-lock-until", until,
                      environment=retention)
    say.expect(hold["schema"] == "strongroom.lock-change/v1", "the retention administrator lengthens a lock and places a hold")
    strongroom("evidence", "hold", "release", "--bundle-id", bundle_id, "--hold-id", hold["hold_id"], "--reason", "closed",
               "--yes-lock-until", until, environment=retention)
    say.expect(True, "and releases it")
    audited = strongroom("evidence", "audit", "--read-data", environment=audit)
    say.expect(audited["schema"] == "strongroom.audit/v1", "the auditor audits every byte, and finds nothing")
    later = in_days(5).strftime("%Y-%m-%d")
    strongroom("evidence", "retention", "extend", "--bundle-id", bundle_id, "--retain-until", later, "--lock", "compliance",
               "--yes-lock-until", later, environment=audit, accept=(5, 8))
    say.expect(True, "the auditor may not lengthen a lock")
    # Last: what it wrote down before it was refused keeps the hold bit from being cleared by others, which is the safe side.
    strongroom("evidence", "hold", "place", "--bundle-id", bundle_id, "--reason", "x", "--yes-lock-until", until,
               environment=upload, accept=(5, 8))
    say.expect(True, "the upload role may not place a hold")
