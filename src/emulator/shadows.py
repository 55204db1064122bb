"""Shadow variants and data capture, as endpoint configurations ask for them."""

import functools
from collections.abc import Mapping

from emulator import capture
from emulator.account import Account, Record
from emulator.protocol import invalid
from emulator.variants import Shadow, Variant


def check(config: Record) -> None:
    """Raises ApiError for a configuration whose shadow variants AWS refuses."""
    shadows = config.get("ShadowProductionVariants", [])
    if shadows and (len(shadows) > 1 or len(config["ProductionVariants"]) > 1):
        raise invalid(
            "If ShadowProductionVariants is used, only one variant for ProductionVariants and one"
            " variant for ShadowProductionVariants can be specified."
        )
    names = [each["VariantName"] for each in all_of(config)]
    if len(set(names)) < len(names):
        raise invalid("Variant names must be unique within an endpoint configuration.")


def all_of(config: Record) -> list[Record]:
    """The variants of a configuration, those in the shadow last."""
    return [*config["ProductionVariants"], *config.get("ShadowProductionVariants", [])]


def attach(account: Account, endpoint: str, config: Record, started: dict[str, Variant]) -> None:
    """Has what is started captured as the configuration says, and shadows follow their variant.

    Args:
        started: all variants by name; afterwards without the shadows.
    """
    captured = config.get("DataCaptureConfig")
    if captured is not None and capture.is_on(captured):
        for name, variant in started.items():
            variant.capture = capture.Capture(account, captured, endpoint, name)
    for each in config.get("ShadowProductionVariants", []):
        name = each["VariantName"]
        count = functools.partial(
            account.metrics.invocation, endpoint, name, config["EndpointConfigName"]
        )
        next(iter(started.values())).shadow = Shadow(started.pop(name), name, count)


def with_them(running: Mapping[str, Variant]) -> dict[str, Variant]:
    """Variants by their names, those in the shadow last."""
    shadows = [variant.shadow for variant in running.values() if variant.shadow]
    return {**running, **{each.name: each.variant for each in shadows}}


def summaries(running: Mapping[str, Variant]) -> Record:
    """What DescribeEndpoint says of the variants, those in the shadow apart."""
    said = {name: variant.summary(name) for name, variant in with_them(running).items()}
    found = {"ProductionVariants": [said.pop(name) for name in running]}
    return {**found, "ShadowProductionVariants": list(said.values())} if said else found


def described(record: Record) -> list[Record]:
    """The variants as an endpoint's record has them, those in the shadow last."""
    return [*record.get("ProductionVariants", []), *record.get("ShadowProductionVariants", [])]


def describe(record: Record, config: Record, running: Mapping[str, Variant]) -> None:
    """Has DescribeEndpoint say what there is of variants and data capture."""
    for key in ("ShadowProductionVariants", "DataCaptureConfig"):
        record.pop(key, None)
    record.update(summaries(running))
    if "DataCaptureConfig" in config:
        record["DataCaptureConfig"] = capture.summary(config["DataCaptureConfig"])


def excluded(request: Record) -> set[str]:
    """The properties of variants that an update does not retain."""
    given = request.get("ExcludeRetainedVariantProperties", [])
    return {each["VariantPropertyType"] for each in given}


def with_capture_retained(
    running: Mapping[str, Variant], request: Record, config: Record
) -> Record:
    """A configuration with data capture as it is: one more property that stays unless excluded."""
    if not running or "DataCaptureConfig" in excluded(request):
        return config
    kept = {key: value for key, value in config.items() if key != "DataCaptureConfig"}
    there = next(iter(running.values())).capture
    return {**kept, "DataCaptureConfig": there.config} if there else kept
