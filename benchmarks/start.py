"""How quickly turncoat starts, runs its built-in study, and how much it installs.

Run time: about 60 s, or about 4 minutes with ``--install`` (a fresh environment from the index).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from harness import Job, Measured, bar, compare, write_results

ROOT = Path(__file__).parent.parent
MIB = 1024**2


def job(name: str, code: str, *arguments: str) -> Job:
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    return Job(name, [sys.executable, "-c", code, *arguments], {"PYTHONPATH": path})


CLI = "from turncoat.cli import main; main()"


def start_jobs() -> dict[str, Measured]:
    return compare(
        [
            job("nothing", "pass"),
            job("import", "import turncoat"),
            job("namespaces", "import turncoat as tc; tc.pp, tc.tl, tc.ds, tc.pl, tc.get, tc.sim"),
            job("help", CLI, "--help"),
        ],
        repeats=5,
    )


def demo_seconds(folder: Path) -> tuple[Measured, Measured]:
    first = job("demo", CLI, "demo", "--out", str(folder / "demo"), "--fresh")
    again = job("demo again", CLI, "demo", "--out", str(folder / "demo"))
    return compare([first], repeats=2)["demo"], compare([again], repeats=2)["demo again"]


def wheel_mib(folder: Path) -> float:
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    return next(folder.glob("*.whl")).stat().st_size / MIB


def install(folder: Path) -> tuple[int, float]:
    """Install the wheel alone, run it; count distributions and megabytes, pip and bytecode apart."""
    venv.create(folder / "fresh", with_pip=True)
    python = folder / "fresh" / "bin" / "python"
    wheel = next(folder.glob("*.whl"))
    pip = [str(python), "-m", "pip", "install", "-q", "--no-compile"]
    subprocess.run([*pip, str(wheel)], check=True)
    demo = [str(folder / "fresh" / "bin" / "turncoat"), "demo", "--out", str(folder / "from-wheel")]
    subprocess.run(demo, check=True, capture_output=True, cwd=folder)
    listed = subprocess.run(
        [str(python), "-m", "pip", "list", "--format=json"],
        capture_output=True,
        text=True,
        check=True,
    )
    names = {entry["name"].lower() for entry in json.loads(listed.stdout)} - {"pip", "setuptools"}
    site = next((folder / "fresh" / "lib").glob("python*/site-packages"))
    unwanted = {"pip", "setuptools"}
    size = sum(
        path.stat().st_size
        for path in site.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.relative_to(site).parts[0].split("-")[0] not in unwanted
    )
    return len(names), size / MIB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--install", action="store_true", help="also install into a fresh environment"
    )
    wanted = parser.parse_args()
    started = time.time()
    folder = Path(tempfile.mkdtemp(prefix="start-"))
    try:
        starts = start_jobs()
        first, again = demo_seconds(folder)
        bars = [
            bar("turncoat --help, wall", starts["help"].wall_s, unit="s", limit=0.7),
            bar("import turncoat, wall", starts["import"].wall_s, unit="s", limit=1.0),
            bar("import turncoat, CPU", starts["import"].cpu_s, unit="s", limit=0.5),
            bar("all namespaces, wall", starts["namespaces"].wall_s, unit="s"),
            bar("run of the built-in study, wall", first.wall_s, unit="s", limit=30.0),
            bar("the same, CPU", first.cpu_s, unit="s"),
            bar("the same again, unchanged, wall", again.wall_s, unit="s"),
            bar("peak memory of the run", first.peak_gib, unit="GiB"),
            bar("wheel", wheel_mib(folder), unit="MiB", limit=25.0),
        ]
        if wanted.install:
            n, size = install(folder)
            bars += [
                bar("distributions in a core install", n, unit="", limit=60),
                bar("size of a core install", size, unit="MiB", limit=800.0),
            ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    write_results("start", bars, title="Starting up", measured=[starts], started=started)


if __name__ == "__main__":
    main()
