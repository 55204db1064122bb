"""The emulator's journal: what is left out of it is missed by nobody, and a kill costs no line."""

import json
import random

import pytest

from emulator import compaction
from emulator.journal import Journal

BUCKETS, KEYS = ("a", "b"), ("k", "dir/電")


def line(method, path, query="", text="", **more):
    request = {"REQUEST_METHOD": method, "QUERY_STRING": query, "HTTP_HOST": "127.0.0.1:1",
               "PATH_INFO": f"/{path}".encode().decode("latin-1"), **more}  # fmt: skip
    return {"at": 0.0, "call": method, "request": request, "text": text}


class S3:
    """Buckets and objects, as far as the lines below change them."""

    def __init__(self):
        self.buckets, self.uploads = {}, {}

    def does(self, entry):
        """Whether S3 would carry a line out; then it has."""
        request = entry["request"]
        path = request["PATH_INFO"].encode("latin-1").decode().removeprefix("/")
        bucket, _, key = path.partition("/")
        method, query = request["REQUEST_METHOD"], request["QUERY_STRING"]
        held = self.buckets.get(bucket)
        if not key and method == "PUT":
            self.buckets.setdefault(bucket, {})
            return held is None
        if held is None:
            return False
        if not key and method == "DELETE":
            del self.buckets[bucket]
            if held or bucket in self.uploads.values():
                self.buckets[bucket] = held
                return False
        elif query == "delete":
            for each in entry["keys"]:
                held.pop(each, None)
        elif query == "uploads":
            self.uploads[entry["id"]] = bucket
        elif query.startswith("uploadId"):
            if self.uploads.pop(query.partition("=")[2], None) is None:
                return False
            if method == "POST":
                held[key] = entry["text"]
        elif method == "DELETE":
            held.pop(key, None)
        elif source := request.get("HTTP_X_AMZ_COPY_SOURCE"):
            place, _, name = source.partition("/")
            if name not in self.buckets.get(place, {}):
                return False
            held[key] = self.buckets[place][name]
        elif query == "tagging":
            if key not in held:
                return False
            held[key] = f"{held[key]} {entry['text']}"
        else:
            held[key] = entry["text"]
        return True


def anything(chance, number, uploads):
    """A line of one of the kinds above; it may be none that S3 carries out."""
    bucket, key = chance.choice(BUCKETS), chance.choice(KEYS)
    path, text = f"{bucket}/{key}", str(number)
    kind = chance.randrange(11)
    if kind == 0:
        return line("PUT", bucket)
    if kind == 1:
        return line("DELETE", bucket)
    if kind == 2:
        return line("DELETE", path)
    if kind == 3:
        keys = chance.sample(KEYS, chance.randint(1, 2))
        text = "".join(f"<Key>{each}</Key>" for each in keys)
        return {**line("POST", bucket, "delete", text), "keys": keys}
    if kind == 4 and chance.random() < 0.4:
        source = f"{chance.choice(BUCKETS)}/{chance.choice(KEYS)}"
        return line("PUT", path, HTTP_X_AMZ_COPY_SOURCE=source)
    if kind == 5 and chance.random() < 0.4:
        uploads[text] = path
        return {**line("POST", path, "uploads"), "id": text}
    if kind == 6 and uploads:
        which = chance.choice(sorted(uploads))
        method = chance.choice(("POST", "DELETE"))
        return line(method, uploads[which], f"uploadId={which}", text)
    if kind == 7:
        return line("PUT", path, "tagging", text)
    return line("PUT", path, "x-id=PutObject", text)


@pytest.mark.parametrize("seed", range(300))
def test_what_is_left_of_s3s_lines_makes_the_same_buckets(seed):
    chance, before, entries, uploads = random.Random(seed), S3(), [], {}
    for number in range(60):
        entry = anything(chance, number, uploads)
        if before.does(entry):
            entries.append(entry)
    left = entries
    for _ in range(2):
        left, after = compaction.alive(left, 0.0), S3()
        assert [entry for entry in left if not after.does(entry)] == []
        assert after.buckets == before.buckets and after.uploads == before.uploads


def test_objects_that_were_written_over_or_deleted_leave_no_line():
    made = line("PUT", "a")
    entries = [made, *(line("PUT", "a/k", text=str(number)) for number in range(5))]
    assert compaction.alive(entries, 0.0) == [made, entries[-1]]
    assert compaction.alive([*entries, line("DELETE", "a/k")], 0.0) == [made]
    gone = [*entries, line("DELETE", "a/k"), line("DELETE", "a")]
    assert compaction.alive(gone, 0.0) == []


def test_a_record_stays_where_it_was_created_as_it_was_last():
    def record(name, value):
        return {"at": 0.0, "region": "r", "kind": "model", "name": name, "record": value}

    entries = [record("x", 1), record("y", 1), record("x", 2), record("z", 1), record("z", None)]
    assert compaction.alive(entries, 0.0) == [record("x", 2), record("y", 1)]


def log(call, group, number=0):
    signed = "AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/logs/aws4_request, Signature=0"
    text = json.dumps({"logGroupName": group, "number": number})
    return {**line("POST", "", text=text, HTTP_X_AMZ_TARGET=f"Logs_20140328.{call}",
                   HTTP_AUTHORIZATION=signed), "call": call}  # fmt: skip


def test_a_deleted_log_groups_lines_go_and_old_metrics():
    entries = [log("CreateLogGroup", "one"), log("CreateLogGroup", "two"),
               log("PutLogEvents", "one"), log("DeleteLogGroup", "one")]  # fmt: skip
    assert compaction.alive(entries, 0.0) == [entries[1]]
    metrics = [{**line("POST", ""), "call": "PutMetricData", "at": at} for at in (0.0, 1e6)]
    assert compaction.alive(metrics, 1e6) == metrics[1:]


def test_a_line_that_a_kill_cut_short_is_not_there_and_its_number_is_not_given_again(tmp_path):
    journal = Journal(tmp_path)
    assert journal.open() == []
    numbers = [journal.number() for _ in range(3)]
    for number in numbers[:2]:
        journal.add(n=number, **line("PUT", f"a/{number}"))
    journal.add(n=numbers[2], **line("DELETE", "a/1"))
    journal.close()
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'{"at": 1')
    again = Journal(tmp_path)
    assert [entry["request"]["PATH_INFO"] for entry in again.open()] == ["/a/2"]
    assert again.number() > numbers[2]
    again.close()
    third = Journal(tmp_path)
    third.open()
    assert third.number() > numbers[2]
    third.close()


def test_a_large_body_is_written_once_and_goes_with_its_line(tmp_path):
    journal = Journal(tmp_path)
    journal.open()
    first, second, cut = (journal.number() for _ in range(3))
    for number in (first, second, cut):
        journal.draft(number).write_bytes(bytes(100))
    for number in (first, second):
        journal.add(n=number, size=100, **line("PUT", "a/k"))
    written = journal.body(second).stat()
    journal.close()
    again = Journal(tmp_path)
    (entry,) = again.open()
    assert entry["n"] == second and again.body(second).stat() == written
    assert [path.name for path in (tmp_path / "bodies").iterdir()] == [str(second)]
    again.close()
