"""The records of the reference runs: packed into this folder, and unpacked into a results folder.

    python results/reference/records.py pack FOLDER ARCHIVE EXPERIMENT...
    python results/reference/records.py unpack FOLDER

`pack` writes `records/ARCHIVE.tar.xz` with the plans and records of these experiments; of a trial that the folder
lacks, the record that the archive has stays in it.  `unpack` puts the records of all archives into a results folder,
for `bnexp run` to go on from and for `bnexp report`; what lies there stays.  Classes of single test images are left
out: they are MNIST's labels.
"""

import io
import json
import sys
import tarfile
from pathlib import Path

RECORDS = Path(__file__).parent / "records"


def packed(path: Path) -> bytes:
    """A record or plan without the classes of single test images."""
    record = json.loads(path.read_text(encoding="utf-8"))
    if record.get("test"):
        record["test"] |= {"labels": None, "predicted": None}
    return json.dumps(record, ensure_ascii=False, indent=1).encode()


def pack(folder: Path, archive: str, *experiments: str) -> None:
    """Write an archive: the same bytes for the same records."""
    files = [folder / "experiments" / f"{name}.json" for name in experiments]
    plans = [json.loads(path.read_text()) for path in files]
    wanted = {trial for plan in plans for point in plan["points"] for trial in point["trials"].values()}
    trials = {f"trials/{name}/record.json" for name in wanted}
    target = RECORDS / f"{archive}.tar.xz"
    found = {name: content for name, content in contents(target).items() if name in trials}
    found |= {name: packed(folder / name) for name in trials if (folder / name).is_file()}
    found |= {path.relative_to(folder).as_posix(): packed(path) for path in files}
    RECORDS.mkdir(exist_ok=True)
    with tarfile.open(target, "w:xz", preset=9) as out:
        for name, content in sorted(found.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            out.addfile(entry, io.BytesIO(content))
    print(f"{archive}: {len(found) - len(files)} of {len(trials)} trials")


def contents(path: Path) -> dict[str, bytes]:
    """The files of an archive by name; none where there is no archive."""
    if not path.is_file():
        return {}
    with tarfile.open(path) as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive if entry.isfile()}


def unpack(folder: Path) -> None:
    """All archives into a results folder."""
    for path in sorted(RECORDS.glob("*.tar.xz")):
        new = {name: content for name, content in contents(path).items() if not (folder / name).exists()}
        for name, content in new.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        print(f"{path.name}: {len(new)} files")


if __name__ == "__main__":
    if sys.argv[1:2] == ["pack"] and len(sys.argv) > 4:
        pack(Path(sys.argv[2]), *sys.argv[3:])
    elif sys.argv[1:2] == ["unpack"] and len(sys.argv) == 3:
        unpack(Path(sys.argv[2]))
    else:
        sys.exit(__doc__)
