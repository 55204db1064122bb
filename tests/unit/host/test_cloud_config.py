"""cloud.toml and its make variables: what is taken, what is refused and how."""

import re

import iam
import pytest
from project import REPOSITORY

from train2deploy import cli
from train2deploy.cloud import policy
from train2deploy.cloud_settings import config, prices
from train2deploy.errors import UserError
from train2deploy.make import variables

GOOD = 'role = "Role"\nbucket = "my-bucket"\n'


def load(tmp_path, text=GOOD, **overrides):
    file = tmp_path / "cloud.toml"
    file.write_text(text, encoding="utf-8")
    return config.load(overrides, file)


def test_the_defaults_are_the_articles(tmp_path):
    settings = load(tmp_path)
    assert settings.train_instance_type == "ml.p2.xlarge"
    assert settings.endpoint_instance_type == "ml.t2.large"
    assert settings.region == "us-east-1"


def test_a_make_variable_is_above_the_file(tmp_path):
    settings = load(
        tmp_path, GOOD + "train_max_minutes = 5\n", TRAIN_MAX_MINUTES="7", TRAIN_SPOT="1",
        TAGS="a=b,c=d", SUBNETS="s-1,s-2", SECURITY_GROUPS="g-1", PRICES="ml.x.y=2.5")
    assert (settings.train_max_minutes, settings.train_spot) == (7, True)
    assert settings.vpc == {"Subnets": ["s-1", "s-2"], "SecurityGroupIds": ["g-1"]}
    assert settings.tag_list[1:] == [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}]
    assert settings.prices == {"ml.x.y": 2.5}


@pytest.mark.parametrize("text, expected", [
    ('bucket = "my-bucket"\n', "role: expected one, found none; it is never guessed"),
    ('role = "Role"\n', "bucket: expected one, found none"),
    (GOOD + "colour = 1\n", "colour: no such key"),
    (GOOD + 'train_max_minutes = "5"\n', "expected a whole number, found '5'"),
    (GOOD + "train_max_minutes = true\n", "expected a whole number, found True"),
    (GOOD + "train_max_minutes = 0\n", "expected 1 or more, found 0"),
    (GOOD + "train_spot = 1\n", "expected true or false"),
    (GOOD + "subnets = 'a'\n", "expected a list of text"),
    (GOOD + "subnets = ['a']\n", "give both or neither"),
    (GOOD + "[tags]\na = 1\n", "expected a table of text"),
    (GOOD + "train_instance_type = 'p2.xlarge'\n", "a type such as ml.c5.xlarge"),
    (GOOD + "train_instance_type = 'ml.t2.large'\n", "is for hosting only"),
    (GOOD + "project = 'a_b'\n", "letters, digits and single hyphens"),
    (GOOD + f"project = '{'a' * 64}'\n", "at most 63 characters, as SageMaker takes, found 64"),
    (GOOD + "endpoint_name = 'a--b'\n", "digits and single hyphens between them"),
    (GOOD + "region = 'cn-north-1'\nkms_key = 'arn:aws:kms:x:1:key/k'\n", "with arn:aws-cn:"),
    ('role = "a role"\nbucket = "my-bucket"\n', "role: expected a role's name or ARN"),
    ('role = "Role"\nbucket = "s3://x"\n', "a bucket's name (no s3://)"),
    (GOOD + "prefix = '/data/'\n", "prefix: expected names with single slashes"),
    (GOOD + "prefix = ''\n", "prefix: expected names with single slashes"),
    (GOOD + "region = 'Ohio'\n", "region: expected a region such as us-east-1"),
    ("role = \n", "expected TOML"),
    (GOOD + "batching = 1\n", "batching: expected true or false"),
    (GOOD + "max_batch_size = 16\n", "max_batch_size: has no effect without batching"),
    (GOOD + "batching = true\nmax_batch_size = 0\n", "max_batch_size: expected 1 or more, found 0"),
    (GOOD + "batching = true\nbatch_timeout_micros = -1\n", "expected 0 or more, found -1"),
    (GOOD + "batching = true\nnum_batch_threads = 5000\n", "num_batch_threads: expected at most"),
    (GOOD + "omp_num_threads = 0\n", "omp_num_threads: expected 1 or more, found 0"),
])
def test_what_is_wrong_is_named(tmp_path, text, expected):
    with pytest.raises(UserError) as caught:
        load(tmp_path, text)
    assert expected in str(caught.value)


@pytest.mark.parametrize("name, text", [
    ("TRAIN_MAX_MINUTES", "soon"), ("TRAIN_SPOT", "maybe"), ("PRICES", "ml.x.y"), ("TAGS", "a")])
def test_a_variable_that_cannot_be_read_is_named(tmp_path, name, text):
    with pytest.raises(UserError) as caught:
        load(tmp_path, **{name: text})
    assert str(caught.value).startswith(f"{name}={text}: expected")


def test_settings_of_batching_become_the_container_s_variables(tmp_path):
    assert load(tmp_path).serving_variables == {}
    settings = load(
        tmp_path, GOOD + "batching = true\nmax_batch_size = 16\n", MAX_BATCH_SIZE="32",
        BATCH_TIMEOUT_MICROS="0", MAX_ENQUEUED_BATCHES="100", NUM_BATCH_THREADS="2",
        OMP_NUM_THREADS="1")
    assert settings.serving_variables == {
        "SAGEMAKER_TFS_ENABLE_BATCHING": "true", "SAGEMAKER_TFS_MAX_BATCH_SIZE": "32",
        "SAGEMAKER_TFS_BATCH_TIMEOUT_MICROS": "0", "SAGEMAKER_TFS_MAX_ENQUEUED_BATCHES": "100",
        "SAGEMAKER_TFS_NUM_BATCH_THREADS": "2", "OMP_NUM_THREADS": "1"}


def test_batching_can_be_turned_off_for_once(tmp_path):
    written = GOOD + "batching = true\nmax_batch_size = 16\n"
    assert load(tmp_path, written, BATCHING="0").serving_variables == {}
    with pytest.raises(UserError, match="MAX_BATCH_SIZE: has no effect without batching"):
        load(tmp_path, written, BATCHING="0", MAX_BATCH_SIZE="8")


def test_every_key_is_a_make_variable_and_is_in_the_example():
    assert {name.lower() for name in variables.CLOUD.split()} == set(config.KEYS)
    example = (REPOSITORY / "cloud.example.toml").read_text(encoding="utf-8")
    written = set(re.findall(r"^(?:# )?\[?([a-z_]+)(?: =|\])", example, re.M))
    assert written == set(config.KEYS)


def test_the_example_asks_for_what_is_never_guessed():
    with pytest.raises(UserError, match="role: expected one"):
        config.load({}, REPOSITORY / "cloud.example.toml")


def test_costs_are_instances_times_hours_times_price():
    settings = config.Config(prices={"ml.new.type": 10.0})
    assert prices.cost(settings, "ml.new.type", 2, 1.5).usd == 30
    assert prices.cost(settings, "ml.p2.xlarge", 1, 1).usd == pytest.approx(1.125)
    unknown = prices.cost(settings, "ml.other.type", 1, 1)
    assert "no price known" in str(unknown)
    with pytest.raises(UserError, match="MAX_USD cannot be checked"):
        prices.total([unknown])


def test_the_shipped_prices_say_when_and_where_from():
    assert re.search(r"\d{4}-\d{2}$", prices.source("us-east-1"))
    for name in ("train_instance_type", "endpoint_instance_type", "batch_instance_type"):
        assert prices.cost(config.Config(), getattr(config.Config(), name), 1, 1).usd


@pytest.mark.parametrize("region, currency", [("ap-northeast-1", ""), ("cn-north-1", "CNY")])
def test_a_price_of_another_region_is_said_to_be_one(region, currency):
    settings = config.Config(region=region, prices={"ml.new.type": 10.0})
    shown = str(prices.cost(settings, "ml.c5.xlarge", 1, 1))
    assert shown.endswith(f"0.20 USD at the price of us-east-1; {region} has another")
    assert "us-east-1" not in str(prices.cost(settings, "ml.new.type", 1, 1))  # the user's own
    source = prices.source(region)
    assert f"Those of {region} differ" in source and currency in source
    assert "differ" not in prices.source("us-east-1")


def test_a_variable_that_was_given_is_named_as_it_was_given(tmp_path):
    with pytest.raises(UserError, match=r"^ENDPOINT_NAME: expected .* found 'a_b'"):
        load(tmp_path, ENDPOINT_NAME="a_b")
    with pytest.raises(UserError, match=r"^TRAIN_VOLUME_GB: expected 1 or more, found 0"):
        load(tmp_path, TRAIN_VOLUME_GB="0")


@pytest.mark.parametrize("options, said", [
    (["--max-usd", "abc", "status"], "MAX_USD=abc: expected a number, 0 or more."),
    (["--max-usd", "nan", "status"], "MAX_USD=nan: expected a number, 0 or more."),
    (["scale", "--min", "two"], "MIN=two: expected a whole number, 1 or more."),
    (["scale", "--max", "0"], "MAX=0: expected a whole number, 1 or more."),
    (["scale", "--target", "x"], "TARGET=x: expected a number above 0."),
    (["scale", "--cooldown", "1,x"],
     "COOLDOWN=1,x: expected whole numbers with commas between them, 0 or more."),
    (["scale", "--rpm", "0"], "RPM=0: expected a number above 0."),
    (["load", "--clients", "4,0", "q"],
     "CLIENTS=4,0: expected whole numbers with commas between them, 1 or more."),
    (["train", "--seed", "1.5"], "SEED=1.5: expected a whole number, 0 to 4294967295."),
])
def test_a_number_that_is_none_is_named_by_its_variable_in_one_line(options, said, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["cloud", *options])
    assert capsys.readouterr().err == f"train2deploy: {said}\n"


def test_a_command_asks_only_for_what_it_needs(tmp_path):
    (tmp_path / "cloud.toml").write_text("bucket = 'my-bucket'\n", encoding="utf-8")
    assert config.load({}, tmp_path / "cloud.toml", needs=("bucket",)).role == ""
    with pytest.raises(UserError, match="bucket: expected one"):
        config.load({}, tmp_path / "absent.toml", needs=("bucket",))


@pytest.mark.parametrize("region, partition", [
    ("us-east-1", "aws"), ("ap-northeast-1", "aws"), ("cn-north-1", "aws-cn"),
    ("us-gov-west-1", "aws-us-gov"), ("us-isob-east-1", "aws-iso-b"),
    ("eusc-de-east-1", "aws-eusc")])
def test_policies_are_of_the_regions_partition(region, partition):
    settings = config.Config(region=region, role="R", bucket="my-bucket", kms_key="key-1")
    text = str(policy.policy("caller", settings)) + str(policy.policy("execution", settings))
    assert set(re.findall(r"arn:([a-z-]+):", text)) == {partition}


def test_a_role_that_is_a_name_is_one_under_whatever_path():
    settings = config.Config(role="Exec", bucket="my-bucket")
    for place, allowed in (
        ("role/Exec", True), ("role/service-role/Exec", True), ("role/a/b/Exec", True),
        ("role/MyExec", False), ("role/service-role/MyExec", False), ("role/Exec/Other", False)):
        arn = f"arn:aws:iam::123456789012:{place}"
        assert iam.allows("caller", settings, "iam:PassRole", arn) is allowed, place


def test_capitals_are_small_in_the_names_of_sagemaker_alone():
    settings = config.Config(
        role="Exec", bucket="my-bucket", project="MyProject", endpoint_name="MyEndpoint")
    stem = "arn:aws:sagemaker:us-east-1:123456789012"
    for action, resource, allowed in (
        ("sagemaker:CreateEndpoint", f"{stem}:endpoint/myendpoint", True),
        ("sagemaker:CreateEndpoint", f"{stem}:endpoint/MyEndpoint", False),
        ("sagemaker:CreateModel", f"{stem}:model/myendpoint-0a1b2c3d4e5f", True),
        ("sagemaker:CreateTrainingJob", f"{stem}:training-job/myproject-v1-0a1b", True),
        ("cloudwatch:PutMetricAlarm",
         "arn:aws:cloudwatch:us-east-1:123456789012:alarm:MyEndpoint-answers-with-errors", True)):
        assert iam.allows("caller", settings, action, resource) is allowed, resource


@pytest.mark.parametrize("name", ["caller", "execution"])
def test_policies_name_what_they_allow_one_by_one(name):
    settings = config.Config(role="arn:aws:iam::123456789012:role/R", bucket="my-bucket")
    statements = policy.policy(name, settings)["Statement"]
    assert all("*" not in action for each in statements for action in each["Action"])
    text = str(statements)
    assert "my-bucket/train2deploy/*" in text
    if name == "caller":
        assert "arn:aws:sagemaker:us-east-1:123456789012:endpoint/train2deploy'" in text
        assert "'arn:aws:iam::123456789012:role/R'" in text


def test_policies_allow_a_key_and_a_network_only_where_there_is_one():
    def actions(name, **settings):
        return iam.allowed(name, config.Config(role="R", bucket="my-bucket", **settings))

    plain = actions("caller") | actions("execution")
    assert not [action for action in plain if action.startswith(("kms:", "ec2:"))]
    assert "kms:GenerateDataKey" in actions("caller", kms_key="key-1")
    assert "kms:Decrypt" in actions("execution", kms_key="key-1")
    network = {"subnets": ("s-1",), "security_groups": ("g-1",)}
    assert "ec2:CreateNetworkInterface" in actions("execution", **network)
    assert not [action for action in actions("caller", **network) if action.startswith("ec2:")]


KEY = "arn:aws:kms:us-east-1:123456789012:key/key-1"


@pytest.mark.parametrize("key, resource", [
    ("key-1", "arn:aws:kms:us-east-1:*:key/key-1"),
    (KEY, KEY),
    ("alias/mine", "arn:aws:kms:us-east-1:*:key/*"),
])
def test_a_key_is_named_by_its_arn(key, resource):
    settings = config.Config(role="R", bucket="my-bucket", kms_key=key)
    statement = policy.policy("execution", settings)["Statement"][-1]
    assert (statement["Sid"], statement["Resource"]) == ("Key", resource)
