"""S3 by content: a key holds the sha256 of what lies there, so nothing is sent twice."""

import hashlib
from pathlib import Path
from typing import Any

import botocore.exceptions
from boto3.s3.transfer import TransferConfig

from train2deploy import console, manifest
from train2deploy.cloud.session import Cloud, CloudError, existing
from train2deploy.cloud_settings import arns
from train2deploy.hashing import sha256_file, sha256_files

DIGITS = 16  # of a sha256 in a key


def file_uri(cloud: Cloud, kind: str, digest: str, name: str) -> str:
    return cloud.config.uri(kind, digest[:DIGITS], name)


def upload_file(cloud: Cloud, file: Path, kind: str, digest: str = "") -> str:
    """Sends a file unless it is there; its URI."""
    digest = digest or sha256_file(file)
    uri = file_uri(cloud, kind, digest, file.name)
    _send(cloud, file, uri)
    return uri


def tree_uri(cloud: Cloud, directory: Path, kind: str) -> str:
    """Where a directory's files lie, or will."""
    return cloud.config.uri(kind, tree_sha256(directory)[:DIGITS])


def tree_files(directory: Path) -> list[Path]:
    """The files of a channel that are sent."""
    return [
        path
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not manifest.is_manifest(path)
    ]


def tree_sha256(directory: Path) -> str:
    """One sha256 over the names and contents of what is sent."""
    return sha256_files(directory, tree_files(directory))


def upload_tree(cloud: Cloud, directory: Path, kind: str) -> str:
    """Sends those files of a directory that are not there; the URI that they are below."""
    uri = tree_uri(cloud, directory, kind)
    for file in tree_files(directory):
        _send(cloud, file, f"{uri}/{file.relative_to(directory).as_posix()}")
    return uri


def is_there(cloud: Cloud, uri: str, size: int) -> bool:
    """Whether an object of that size lies at `uri`. S3 shows whole objects only."""
    bucket, key = arns.split_uri(uri)
    head = existing(cloud.client("s3").head_object, Bucket=bucket, Key=key)
    return head is not None and bool(head["ContentLength"] == size)


def sha256_of(cloud: Cloud, uri: str) -> str:
    """The sha256 of the bytes that lie at `uri`, read from there."""
    bucket, key = arns.split_uri(uri)
    body = cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    digest = hashlib.sha256()
    for chunk in body.iter_chunks(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def download(cloud: Cloud, uri: str, file: Path) -> None:
    """Fetches an object, whole or not at all."""
    bucket, key = arns.split_uri(uri)
    partial = file.with_name(file.name + ".part")
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        cloud.client("s3").download_file(bucket, key, str(partial))
    except botocore.exceptions.ClientError as error:
        raise CloudError(f"{uri}: could not be fetched: {error}") from error
    partial.replace(file)


def delete_all(cloud: Cloud) -> int:
    """Removes every object below the prefix, and uploads that were cut off; how many objects."""
    count = 0
    prefix = f"{cloud.config.prefix}/"
    for upload in _unfinished(cloud, prefix):
        cloud.client("s3").abort_multipart_upload(
            Bucket=cloud.config.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
        )
    for keys in _pages(cloud, prefix):
        objects = [{"Key": key} for key in keys]
        cloud.client("s3").delete_objects(
            Bucket=cloud.config.bucket, Delete={"Objects": objects, "Quiet": True}
        )
        count += len(keys)
    return count


def keys(cloud: Cloud, prefix: str) -> list[str]:
    """Every key that begins with `prefix`."""
    return [key for page in _pages(cloud, prefix) for key in page]


def _pages(cloud: Cloud, prefix: str) -> list[list[str]]:
    paginator = cloud.client("s3").get_paginator("list_objects_v2")
    pages = paginator.paginate(Bucket=cloud.config.bucket, Prefix=prefix)
    return [[entry["Key"] for entry in page["Contents"]] for page in pages if "Contents" in page]


def _unfinished(cloud: Cloud, prefix: str) -> list[dict[str, Any]]:
    """Multipart uploads that were begun and never finished: they cost, and no list shows them."""
    paginator = cloud.client("s3").get_paginator("list_multipart_uploads")
    pages = paginator.paginate(Bucket=cloud.config.bucket, Prefix=prefix)
    return [upload for page in pages for upload in page.get("Uploads", [])]


def _send(cloud: Cloud, file: Path, uri: str) -> None:
    size = file.stat().st_size
    if is_there(cloud, uri, size):
        return
    bucket, key = arns.split_uri(uri)
    extra: dict[str, Any] = {}
    if cloud.config.kms_key:
        extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": cloud.config.kms_key}
    done = 0

    def progress(sent: int) -> None:
        nonlocal done
        before, done = done * 10 // max(size, 1), done + sent
        if size > 20e6 and done * 10 // size > before:
            console.say(f"{file.name}: {done * 100 // size} % of {size / 1e6:.0f} MB")

    # One transfer at a time in one thread: an interrupt leaves nothing that goes on.
    cloud.client("s3").upload_file(
        str(file), bucket, key, ExtraArgs=extra, Callback=progress,
        Config=TransferConfig(use_threads=False, multipart_threshold=64 * 1024 * 1024),
    )  # fmt: skip
    console.say(f"sent {uri} ({size / 1e6:.1f} MB)")
