"""The article's own vectors: what text-vectorian downloads by itself.

SentencePiece and word2vec over the Japanese Wikipedia, four files on Dropbox,
named in text-vectorian's config.yml. No checksum was ever published: the hashes
seen at the first download are recorded in data/raw/wikija.sha256.json, and every
later use is checked against them.
"""

import shutil
from pathlib import Path

from train2deploy import downloads, manifest, paths
from train2deploy.hashing import sha256_file

MODEL = "wikija-sentencepieced_word2vec_300.model"
HOST = "https://dl.dropboxusercontent.com/s/"
FILES = {
    "tokenizer.model": HOST + "kbtykvxlu8tvcsy/wikija-sentencepiece_300.model",
    MODEL: f"{HOST}bwe3rb82xivzes5/{MODEL}",
    f"{MODEL}.wv.vectors.npy": f"{HOST}im7xv2vgw0sqi3p/{MODEL}.wv.vectors.npy",
    f"{MODEL}.trainables.syn1neg.npy": f"{HOST}wb4kzwzbcl4muw3/{MODEL}.trainables.syn1neg.npy",
}
RECORD = paths.RAW / "wikija.sha256.json"


def fetch(target: Path) -> str:
    """Makes `target` the channel with the article's vectors.

    gensim finds a model's arrays by the model's own file name, so the files keep
    theirs beside `vectors.model`.
    """
    recorded = manifest.read(RECORD) or {}
    found = {}
    for name, url in FILES.items():
        path = downloads.fetch(url, paths.RAW / "wikija" / name, recorded.get(name))
        found[name] = sha256_file(path)
    manifest.write_json(RECORD, found)
    inputs = {"vectors": "wikija", "files": found}
    copies = {name: target / name.replace(MODEL, "vectors.model") for name in FILES}
    if manifest.is_current(target / "manifest.json", inputs, copies.values()):
        return f"{paths.relative(target)} is up to date (wikija)"
    fresh = target.with_name("vectors.part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, copy in copies.items():
        shutil.copyfile(paths.RAW / "wikija" / name, fresh / copy.name)
    manifest.write(fresh / "manifest.json", inputs, found)
    shutil.rmtree(target, ignore_errors=True)
    fresh.replace(target)
    return f"{paths.relative(target)}: wikija, {len(FILES)} files"
