"""Runs faiss or usearch for examples/bench ann, from their wheels.

    wheels.py ENGINE BASE.fbin QUERIES.fbin l2|ip M EFCONSTRUCTION K MODE

ENGINE and MODE are faiss and float32 or sq8, or usearch and float32 or i8.

A line on standard input is a number: 0 builds the index from all rows; any
other is the ef of one pass over all queries, which is one call. Each is
answered by a line of JSON. There is one thread.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import json
import sys
import time

import numpy as np


def read_table(path):
    rows, dim = np.fromfile(path, dtype=np.uint32, count=2)
    return np.fromfile(path, dtype=np.float32, offset=8).reshape(rows, dim)


class Faiss:
    """HNSW over float32 rows, or over one byte a component (a range per dimension)."""

    def __init__(self, base, queries, metric, m, ef_construction, mode):
        import faiss

        faiss.omp_set_num_threads(1)
        self.version = faiss.__version__
        self.base, self.queries = base, queries
        of = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
        dim = base.shape[1]
        if mode == "sq8":
            self.index = faiss.IndexHNSWSQ(dim, faiss.ScalarQuantizer.QT_8bit, m, of)
        else:
            self.index = faiss.IndexHNSWFlat(dim, m, of)
        self.index.hnsw.efConstruction = ef_construction

    def build(self):
        self.index.train(self.base)
        self.index.add(self.base)

    def search(self, k, ef):
        self.index.hnsw.efSearch = ef
        return self.index.search(self.queries, k)[1]


class USearch:
    """HNSW over float32 rows, or over bytes: all values on one scale, which keeps the order of either metric."""

    def __init__(self, base, queries, metric, m, ef_construction, mode):
        import usearch
        from usearch.index import Index

        self.version = usearch.__version__
        if mode == "i8":
            low, high = float(base.min()), float(base.max())
            centre = (low + high) / 2 if metric == "l2" else 0.0
            scale = 127 / max(high - centre, centre - low, 1e-30)
            base, queries = (np.clip(np.rint((t - centre) * scale), -127, 127).astype(np.int8) for t in (base, queries))
        self.base, self.queries = base, queries
        self.index = Index(
            ndim=base.shape[1],
            metric="l2sq" if metric == "l2" else "ip",
            dtype="i8" if mode == "i8" else "f32",
            connectivity=m,
            expansion_add=ef_construction,
        )

    def build(self):
        self.index.add(np.arange(len(self.base), dtype=np.uint64), self.base, threads=1)

    def search(self, k, ef):
        self.index.expansion_search = ef
        return self.index.search(self.queries, k, threads=1).keys


def resident_bytes():
    try:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, {"seconds": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}


def main(engine, base, queries, metric, m, ef_construction, k, mode):
    k = int(k)
    kinds = {"faiss": Faiss, "usearch": USearch}
    run = kinds[engine](read_table(base), read_table(queries), metric, int(m), int(ef_construction), mode)
    for line in sys.stdin:
        ef = int(line)
        if ef == 0:
            before = resident_bytes()
            _, answer = timed(run.build)
            answer |= {"version": run.version, "bytes": resident_bytes() - before}
        else:
            ids, answer = timed(lambda: run.search(k, ef))
            answer["ids"] = np.asarray(ids).astype(np.int64).ravel().tolist()
        print(json.dumps({"answer": answer}), flush=True)


main(*sys.argv[1:])
