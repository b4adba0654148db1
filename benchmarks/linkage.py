"""Time and memory of average linkage, beside SciPy, fastcluster and scikit-learn's HDBSCAN.

    python benchmarks/linkage.py [--large] [--real 128=lfw128.npz:0.13] [--write]

Every run is a process of its own, on the same vectors. Peak memory is that of the whole process;
"added" is how much the call raised it over what was there with the vectors loaded. Methods that
need the matrix of all distances are left out where it does not fit. fastcluster and scikit-learn
are left out where they are not installed. With vectors of length 1152, those of the default nets,
what the program itself does is measured, on made-up ages and dates: linkage by the vectors with
birth years beside them, the same with photos and possible births as rules, and all of grouping.
`--write` writes benchmarks/linkage.md.
"""

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from synthetic import ages_and_years, faces, model_for  # noqa: E402

from clustering.evaluation.metrics import evaluate  # noqa: E402
from clustering.linkage.constraints import Constraints  # noqa: E402
from clustering.linkage.linkage import cluster  # noqa: E402

SHAPES = [
    (3_000, 128),
    (10_000, 128),
    (10_000, 1024),
    (30_000, 128),
    (100_000, 128),
    (100_000, 1152),
]
LARGE = [(300_000, 128)]
MOST = {"scipy": 30_000, "fastcluster": 30_000, "hdbscan": 30_000}
METHODS = ["album", "album, same-photo rule", "scipy", "fastcluster", "hdbscan"]
FUSED = 1152
"""Length of the default vectors: with these it is measured what the program itself groups."""
INDEX = ["album", "album, all rules", "grouping"]
TIMEOUT = 1500


def run_album(vectors, photo, threshold):
    return cluster(vectors, threshold)


def run_constrained(vectors, photo, threshold):
    return cluster(vectors, threshold, constraints=Constraints(groups=photo))


def run_scipy(vectors, photo, threshold):
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    return fcluster(linkage(pdist(vectors, "sqeuclidean"), "average"), threshold, "distance")


def run_fastcluster(vectors, photo, threshold):
    import fastcluster
    from scipy.cluster.hierarchy import fcluster
    from scipy.spatial.distance import pdist

    tree = fastcluster.linkage(pdist(vectors, "sqeuclidean"), "average", preserve_input=False)
    return fcluster(tree, threshold, "distance")


def run_hdbscan(vectors, photo, threshold):
    from sklearn.cluster import HDBSCAN

    labels = HDBSCAN(min_cluster_size=2, copy=True).fit_predict(vectors)
    return np.where(labels < 0, labels.max() + 1 + np.arange(len(labels)), labels)


def indexed(folder):
    """Return what the program groups: faces with ages and dates."""
    from album.grouping.features import Dated, Faces
    from album.models.calibration import identity_calibration
    from nets.engine import DEFAULT_HEAD

    vectors, photo = np.load(folder / "vectors.npy"), np.load(folder / "photo.npy")
    ages, years, sigma = (np.load(folder / f"{key}.npy") for key in ("ages", "years", "sigma"))
    days = np.where(np.isfinite(sigma), (years - 1970) * 365.2425, np.nan)
    use = identity_calibration("fused", DEFAULT_HEAD)
    return Faces(vectors, ages, photo), Dated(years, days, sigma), use


def run_index(method, folder):
    """Return a function without arguments that groups as the program does, or a part of it."""
    from album.grouping.features import compared, possible_births
    from album.grouping.grouping import by_linkage

    faces, dated, use = indexed(folder)
    if method == "grouping":
        return lambda: by_linkage(faces, dated, use)
    vectors, variance = compared(faces, dated, use)
    rules = None
    if method == "album, all rules":
        rules = Constraints(groups=faces.photos, intervals=possible_births(faces, dated, use))
    return lambda: cluster(vectors, use.threshold, constraints=rules, variance=variance)


RUNS = dict(
    zip(METHODS, [run_album, run_constrained, run_scipy, run_fastcluster, run_hdbscan], strict=True)
)


def memory(field):
    """Return a field of this process's status in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise KeyError(field)


def warm(method):
    """Import what the method needs before the clock starts."""
    rng = np.random.default_rng(0)
    RUNS[method](rng.standard_normal((64, 8)).astype(np.float32), np.arange(64), 1.0)


def child(method, folder, threshold):
    """Run one method and print what it took."""
    photo, person = np.load(folder / "photo.npy"), np.load(folder / "person.npy")
    if (folder / "ages.npy").is_file():
        run = run_index(method, folder)
    else:
        vectors = np.load(folder / "vectors.npy")
        warm(method)

        def run():
            return RUNS[method](vectors, photo, threshold)

    before = memory("VmRSS")
    start, cpu = time.perf_counter(), time.process_time()
    labels = run()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = memory("VmHWM")
    np.save(folder / f"{method}.npy", labels)
    scores = evaluate(person, labels, photos=photo)
    took = {"seconds": seconds, "cpu": cpu, "peak": peak, "added": peak - before}
    print(json.dumps(took | {"f": scores.bcubed_f, "violations": scores.violations}))


def measure(method, folder, threshold):
    """Run one method in a process of its own; None when it fails or takes too long."""
    command = [sys.executable, __file__, "--child", method, str(folder), str(threshold)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=True)
    except subprocess.TimeoutExpired:
        return f"not done after {TIMEOUT // 60} min"
    except subprocess.CalledProcessError as error:
        return f"failed: {(error.stderr.strip().splitlines() or ['killed'])[-1][:60]}"
    return json.loads(done.stdout)


def same_partition(first, second):
    table = np.unique(np.column_stack([first, second]), axis=0)
    return len(table) == len(np.unique(first)) == len(np.unique(second))


def skipped(method, n):
    if method == "hdbscan" and importlib.util.find_spec("sklearn") is None:
        return True
    if method == "fastcluster" and importlib.util.find_spec("fastcluster") is None:
        return True
    return n > MOST.get(method, n)


def rows_for(n, d, real, threshold, only):
    """Measure all methods on one set; yield lines of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = faces(n, model_for(d, real))
        for key in ("vectors", "photo", "person"):
            np.save(folder / f"{key}.npy", getattr(made, key))
        if d == FUSED:
            for key, column in zip(("ages", "years", "sigma"), ages_and_years(made), strict=True):
                np.save(folder / f"{key}.npy", column)
        del made
        for method in INDEX if d == FUSED else METHODS:
            if skipped(method, n) or (only and method not in only):
                continue
            yield line(n, d, method, measure(method, folder, threshold), folder)


def line(n, d, method, took, folder):
    start = f"| {n:,} x {d} | {method} | "
    if isinstance(took, str):
        return start + f"{took} | | | | | | |"
    same = ""
    if method == "scipy":
        same = same_partition(np.load(folder / "album.npy"), np.load(folder / "scipy.npy"))
        same = "same as album's" if same else "DIFFERS from album's"
    return start + (
        f"{took['seconds']:.1f} | {took['cpu']:.1f} | {took['peak']:,.0f} | "
        f"{took['added']:,.0f} | {took['f']:.4f} | {took['violations']} | {same} |"
    )


def table(shapes, real, only=()):
    yield "| faces | method | s | CPU s | peak MB | added MB | BCubed F | rule broken | partition |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
    for n, d in shapes:
        path, threshold = real.get(d, (None, 1.1))
        yield from rows_for(n, d, path, threshold, only)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="300,000 faces too")
    parser.add_argument("--only", help="sizes, such as 3000x128,10000x1024")
    parser.add_argument("--methods", default="", help="such as 'album;scipy'; all without")
    parser.add_argument("--real", action="append", default=[], metavar="LENGTH=FILE:THRESHOLD")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    given = arguments()
    if given.child:
        method, folder, threshold = given.child
        child(method, Path(folder), float(threshold))
        return
    real = {}
    for item in given.real:
        d, rest = item.split("=", 1)
        path, threshold = rest.rsplit(":", 1)
        real[int(d)] = path, float(threshold)
    shapes = SHAPES + LARGE * given.large
    if given.only:
        shapes = [tuple(map(int, shape.split("x"))) for shape in given.only.split(",")]
    lines = []
    for text in table(shapes, real, [name for name in given.methods.split(";") if name]):
        print(text, flush=True)
        lines.append(text)
    if given.write:
        write(lines, real)


def write(lines, real):
    model = "fitted to real face vectors" if real else "Gaussian"
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "default")
    text = f"""# Average linkage: time and memory

Written by `benchmarks/linkage.py`. Synthetic identities with sizes by a power law; model of the
vectors: {model}. Thresholds: { ({d: t for d, (_, t) in real.items()} or 1.1) }. {os.cpu_count()}
cores ({platform.machine()}), shared with other work: trust CPU seconds more than seconds. BLAS
threads: {threads}. NumPy {np.__version__}, Python
{platform.python_version()}.

"""
    (HERE / "linkage.md").write_text(text + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
