"""`make cloud-compare`: the same labelled sentences to both variants, and which is the better one.

Two production variants are each asked by name (TargetVariant). One in the shadow cannot be: what
it made of its copies is read from the captured data.
"""

import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from train2deploy import console, labelled, manifest, paths, requests
from train2deploy.cloud import beside, captured, configuration, endpoints, guards, invocations
from train2deploy.cloud.promote import COMPARISON
from train2deploy.cloud.session import Cloud, CloudError
from train2deploy.cloud_settings import prices
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_value
from train2deploy.runs import mcnemar

AT_ONCE = 4
TIMED = 100
"""Requests of one sentence each, to each variant in turn, that its latency is measured on."""
SIDES = "AB"


def compare(cloud: Cloud, source: Path | None = None) -> mcnemar.McNemar:
    """Prints accuracy, latency and cost of each, and McNemar's test; writes what was found.

    Args:
        source: labelled sentences, as labelled.sentences reads them.

    Raises:
        UserError: there are not two variants, or no sentences.
        CloudError: one did not answer.
    """
    rows = labelled.sentences(source)
    texts, truth = requests.askable(row.text for row in rows), [row.label for row in rows]
    endpoint = beside.in_service(cloud)
    config = configuration.in_force(cloud, endpoint)
    variants = [each["VariantName"] for each in endpoints.variants(config)][:2]
    if len(variants) < 2:
        raise UserError(
            f"endpoint {endpoint['EndpointName']}: it has the variant {variants[0]} alone."
            " `make cloud-deploy B=<package>` puts another beside it, SHADOW=1 in its shadow."
        )
    if "ShadowProductionVariants" in config:
        begun = guards.now()
        a, b, texts, truth = _with_shadow(cloud, config, variants, texts, truth)
        latencies = [_latency_by_cloudwatch(cloud, name, begun) for name in variants]
    else:
        a, b = (_answers(cloud, name, texts) for name in variants)
        latencies = _latencies(cloud, variants, texts)
    found = mcnemar.mcnemar(truth, a, b)
    accuracies = [_accuracy(truth, each) for each in (a, b)]
    costs = _costs(cloud, endpoint, config, variants)
    _show(variants, accuracies, latencies, costs)
    mcnemar.say(found)
    better = dict(zip(SIDES, variants, strict=True)).get(found.better, "")
    manifest.write_json(
        COMPARISON,
        {
            "EndpointArn": endpoint["EndpointArn"],
            "EndpointConfigName": endpoint["EndpointConfigName"],
            "variants": variants,
            "sentences": len(truth),
            "sentences_sha256": sha256_value([texts, truth]),
            "accuracy": accuracies,
            "latency_ms": latencies,
            "usd_an_hour": [cost.usd for cost in costs],
            "mcnemar": asdict(found),
            "better": better,
        },
    )
    console.say(f"written: {paths.relative(COMPARISON)}")
    return found


def _answers(cloud: Cloud, variant: str, texts: list[str]) -> list[str]:
    """The label that a variant gives each text."""
    size = invocations.AT_ONCE
    parts = [texts[start : start + size] for start in range(0, len(texts), size)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(lambda part: invocations.classify(cloud, part, variant), parts)
        return [str(ranking[0]["label"]) for part in answers for ranking in part]


def _with_shadow(
    cloud: Cloud,
    config: dict[str, Any],
    variants: Sequence[str],
    texts: list[str],
    truth: list[str],
) -> tuple[list[str], list[str], list[str], list[str]]:
    """The labels of both for the sentences whose copies are in the captured data, and these."""
    place = cloud.config.uri(configuration.CAPTURED)
    if config.get("DataCaptureConfig", {}).get("DestinationS3Uri") != place:
        raise UserError(
            "what a shadow variant answers is in the captured data alone, and nothing is captured"
            f" below {place}/. Run `make cloud-deploy B=… SHADOW=1 CAPTURE=100`."
        )
    before = set(captured.keys(cloud))
    answered = dict(zip(texts, _answers(cloud, variants[0], texts), strict=True))
    copies = _copies(cloud, variants[1], before, set(texts))
    if not copies:
        raise CloudError(
            f"variant {variants[1]}: none of its answers has come to {place}/. Give it a larger"
            " WEIGHT, or CAPTURE=100."
        )
    if len(copies) < len(answered):
        console.say(f"{len(copies)} of {len(answered)} sentences were copied and captured")
    kept = [index for index, text in enumerate(texts) if text in copies]
    texts, truth = [texts[index] for index in kept], [truth[index] for index in kept]
    return [answered[text] for text in texts], [copies[text] for text in texts], texts, truth


def _copies(cloud: Cloud, variant: str, before: set[str], wanted: set[str]) -> dict[str, str]:
    """What a variant answered to each sentence, once all is there or nothing more comes."""
    patience = 15.0 if cloud.is_emulator else 300.0
    found: dict[str, str] = {}
    last = time.monotonic()
    while not wanted <= found.keys() and time.monotonic() - last < patience:
        fresh = [key for key in captured.keys(cloud) if key not in before]
        if fresh:
            last = time.monotonic()
            before |= set(fresh)
            rows = captured.read(cloud, fresh)
            found |= {
                row["sentence"]: row["predicted"] for row in rows if row["variant"] == variant
            }
        else:
            time.sleep(cloud.poll_seconds)
    return {text: label for text, label in found.items() if text in wanted}


def _latencies(cloud: Cloud, variants: Sequence[str], texts: list[str]) -> list[list[float | None]]:
    """p50 and p95 of each in ms, of single sentences, asked one after the other from here."""
    taken: dict[str, list[float]] = {variant: [] for variant in variants}
    for text in (texts * TIMED)[:TIMED]:
        for variant, times in taken.items():
            begun = time.perf_counter()
            invocations.ask(cloud, requests.sentences(text), variant)
            times.append((time.perf_counter() - begun) * 1000)
    quantiles = [statistics.quantiles(times, n=20, method="inclusive") for times in taken.values()]
    return [[each[9], each[18]] for each in quantiles]


def _latency_by_cloudwatch(cloud: Cloud, variant: str, since: datetime) -> list[float | None]:
    """p50 and p95 of the container's own time in ms; None where CloudWatch has none yet."""
    dimensions = {"EndpointName": cloud.config.endpoint_name, "VariantName": variant}
    answer = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="ModelLatency",
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=since - timedelta(minutes=1),
        EndTime=guards.now() + timedelta(minutes=1),
        Period=60,
        ExtendedStatistics=["p50", "p95"],
    )
    points = [each["ExtendedStatistics"] for each in answer["Datapoints"]]
    if not points:
        return [None, None]
    return [max(point[name] for point in points) / 1000 for name in ("p50", "p95")]


def _accuracy(truth: Sequence[str], labels: Sequence[str]) -> float:
    return sum(a == b for a, b in zip(truth, labels, strict=True)) / len(truth)


def _costs(
    cloud: Cloud, endpoint: dict[str, Any], config: dict[str, Any], variants: Sequence[str]
) -> list[prices.Cost]:
    """An hour of each variant as it is now."""
    counts = {
        each["VariantName"]: each["CurrentInstanceCount"] for each in endpoints.variants(endpoint)
    }
    types = {each["VariantName"]: each["InstanceType"] for each in endpoints.variants(config)}
    return [prices.cost(cloud.config, types[name], counts[name], 1.0) for name in variants]


def _show(
    variants: Sequence[str],
    accuracies: Sequence[float],
    latencies: Sequence[Sequence[float | None]],
    costs: Sequence[prices.Cost],
) -> None:
    def ms(value: float | None) -> str:
        return "-" if value is None else f"{value:.1f}"

    lines = [
        ("variant", *variants),
        ("accuracy", *(f"{each:.3f}" for each in accuracies)),
        ("latency p50, ms", *(ms(each[0]) for each in latencies)),
        ("latency p95, ms", *(ms(each[1]) for each in latencies)),
        ("instances", *(f"{each.count} × {each.instance_type}" for each in costs)),
        ("USD an hour", *("?" if each.usd is None else f"{each.usd:.3f}" for each in costs)),
    ]
    console.print_table(console.table("", ("", *SIDES), lines))
