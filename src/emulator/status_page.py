"""The page at `/`: what is in the account, for a browser. It shows, and changes nothing."""

import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import jinja2
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from werkzeug.wrappers import Request, Response

from emulator.account import ACCOUNT_ID, Account, Record, now
from train2deploy.cloud_settings import prices
from train2deploy.cloud_settings.config import Config
from train2deploy.playground.server import HEADERS, page_files

HERE = Path(__file__).with_name("page")
OWN_NAMES = ("127.0.0.1", "localhost")
STREAMS, LINES = 8, 20  # of the logs: how many are shown, and how much of each

Row = tuple[str, ...]


def is_asked_for(environ: dict[str, Any]) -> bool:
    """Whether a request is a browser's for the page, and none of S3's."""
    return (
        environ["PATH_INFO"] == "/"
        and environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and not environ.get("HTTP_AUTHORIZATION")
        and not environ.get("QUERY_STRING")
        and "text/html" in environ.get("HTTP_ACCEPT", "")
    )


def answer(request: Request, accounts: Iterable[Account], url: str, resumed: bool) -> Response:
    """The page of these regions."""
    # A name that another site has made to resolve to this machine is not this page's.
    if request.host.rpartition(":")[0] not in OWN_NAMES:
        return Response(f"{request.host}: expected {url}", 403, content_type="text/plain")
    nonce = secrets.token_urlsafe(16)
    accounts = sorted(accounts, key=lambda account: account.region)
    billed: list[float | None] = []
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string((HERE / "index.html.j2").read_text(encoding="utf-8"))
    text = page.render(
        nonce=nonce,
        style=page_files()["/style.css"][1].decode(),
        script=(HERE / "page.js").read_text(encoding="utf-8"),
        url=url,
        resumed=resumed,
        endpoints=[row for each in accounts for row in _endpoints(each, billed)],
        jobs=[row for each in accounts for row in _jobs(each, billed)],
        models=[row for each in accounts for row in _models(each)],
        buckets=list(_buckets()),
        logs=_logs(accounts),
        cost=_sum(billed),
        source=_capital(prices.source(accounts[0].region if accounts else Config().region)),
    )
    headers = HEADERS | {
        "Content-Security-Policy": f"default-src 'none'; style-src 'nonce-{nonce}'; script-src"
        f" 'nonce-{nonce}'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    }
    return Response(text, headers=headers, content_type="text/html; charset=utf-8")


def _endpoints(account: Account, billed: list[float | None]) -> Iterator[Row]:
    for record in account.endpoints:
        variants, usd = [], 0.0
        configured = record.get("_deployed", {}).get("config", {})
        types = {
            each["VariantName"]: each.get("InstanceType", "")
            for key in ("ProductionVariants", "ShadowProductionVariants")
            for each in configured.get(key, [])
        }
        hours = (now() - record["CreationTime"]).total_seconds() / 3600
        for each in record.get("ProductionVariants", []):
            name, count = each["VariantName"], each.get("CurrentInstanceCount", 0)
            kind = types.get(name, "")
            weight = each.get("CurrentWeight", 1.0)
            variants.append(f"{name}: {count} × {kind}, weight {weight:g}")
            usd += _bill(account, kind, count, hours, billed) or 0.0
        status = record["EndpointStatus"]
        if reason := record.get("FailureReason"):
            status = f"{status}: {reason}"
        since = _time(record["CreationTime"])
        shown = "; ".join(variants)
        yield record["EndpointName"], status, shown, since, f"{usd:.2f}", account.region


def _jobs(account: Account, billed: list[float | None]) -> Iterator[Row]:
    """The newest first."""
    rows = []
    for record in account.training:
        resources = record["ResourceConfig"]
        rows.append(_job(account, record, "TrainingJob", "Training", resources, billed))
    for record in account.transforms:
        resources = record["TransformResources"]
        rows.append(_job(account, record, "TransformJob", "Transform", resources, billed))
    for record in account.tunings:  # its instances are those of its training jobs
        rows.append(_job(account, record, "HyperParameterTuningJob", "Tuning", {}, billed))
    for _, row in sorted(rows, key=lambda each: each[0], reverse=True):
        yield row


def _job(
    account: Account,
    record: Record,
    noun: str,
    kind: str,
    resources: Record,
    billed: list[float | None],
) -> tuple[datetime, Row]:
    begun = record.get(f"{kind}StartTime") or record["CreationTime"]
    ended = record.get(f"{kind}EndTime") or record.get(f"HyperParameter{kind}EndTime") or now()
    seconds = max(0.0, (ended - begun).total_seconds())
    status = str(record.get("SecondaryStatus", record[f"{noun}Status"]))
    if reason := record.get("FailureReason"):
        status = f"{status}: {reason}"
    usd: float | None = 0.0
    if resources and (f"{kind}StartTime") in record:
        count = resources.get("InstanceCount", 1)
        kind_of_instance = resources.get("InstanceType", "")
        usd = _bill(account, kind_of_instance, count, seconds / 3600, billed)
    shown = "" if not resources else "?" if usd is None else f"{usd:.2f}"
    row: Row = (
        record[f"{noun}Name"], kind.lower(), status, _time(begun), f"{seconds:.0f}", shown,
        account.region,
    )  # fmt: skip
    return begun, row


def _models(account: Account) -> Iterator[Row]:
    for record in account.models:
        container = record.get("PrimaryContainer", {})
        place, image = container.get("ModelDataUrl", ""), container.get("Image", "")
        yield record["ModelName"], place, image, account.region


def _buckets() -> Iterator[Row]:
    for backend in list(s3_backends[ACCOUNT_ID].values()):
        for bucket in list(backend.buckets.values()):
            keys = list(bucket.keys.values())
            size = sum(key.size for key in keys)
            yield bucket.name, f"{len(keys):,}", f"{size:,}", bucket.region_name


def _logs(accounts: Iterable[Account]) -> list[dict[str, Any]]:
    streams = [
        (stream.events[-1].timestamp, group.name, stream)
        for account in accounts
        for group in list(logs_backends[ACCOUNT_ID][account.region].groups.values())
        for stream in list(group.streams.values())
        if stream.events
    ]
    streams.sort(key=lambda each: each[0], reverse=True)
    return [
        {
            "name": f"{group} {stream.log_stream_name}",
            "lines": [event.message for event in stream.events[-LINES:]],
        }
        for _, group, stream in streams[:STREAMS]
    ]


def _bill(
    account: Account, kind: str, count: int, hours: float, billed: list[float | None]
) -> float | None:
    """USD of instances, None where no price is known; noted for the sum."""
    usd = prices.cost(Config(region=account.region), kind, count, hours).usd
    billed.append(usd)
    return usd


def _sum(billed: list[float | None]) -> str:
    known = sum(usd for usd in billed if usd is not None)
    more = " and what has no price known here" if None in billed else ""
    return f"{known:.2f} USD{more}"


def _time(when: datetime) -> str:
    return when.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
