// Runs hnswlib for examples/bench ann, which compiles this file.
//
//   hnswlib BASE.fbin QUERIES.fbin l2|ip M EFCONSTRUCTION K float32
//
// A line on standard input is a number: 0 builds the index from all rows, one
// after the other; any other is the ef of one pass over all queries. Each is
// answered by a line of JSON. There is one thread.

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "hnswlib/hnswlib.h"

#ifndef PEER_VERSION
#define PEER_VERSION "unknown"
#endif

struct Table {
  uint32_t rows = 0, dim = 0;
  std::vector<float> values;
  const float* row(size_t i) const { return values.data() + i * dim; }
};

static Table read_table(const char* path) {
  std::ifstream in(path, std::ios::binary);
  Table t;
  in.read(reinterpret_cast<char*>(&t.rows), 4).read(reinterpret_cast<char*>(&t.dim), 4);
  if (!in) throw std::runtime_error("no header in the file of vectors");
  t.values.resize(size_t(t.rows) * t.dim);
  in.read(reinterpret_cast<char*>(t.values.data()), t.values.size() * sizeof(float));
  if (!in) throw std::runtime_error("the file of vectors is too short");
  return t;
}

static double clock_seconds(clockid_t which) {
  timespec t;
  clock_gettime(which, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

// Times what happens between start and stop.
struct Watch {
  double wall = clock_seconds(CLOCK_MONOTONIC), cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
  void stop() {
    wall = clock_seconds(CLOCK_MONOTONIC) - wall;
    cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  }
};

// Memory of the process that is in use now.
static long long resident_bytes() {
  long long all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

struct Bench {
  Table base, queries;
  size_t m, ef_construction, k;
  std::unique_ptr<hnswlib::SpaceInterface<float>> space;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> index;

  void build() {
    long long before = resident_bytes();
    Watch watch;
    index = std::make_unique<hnswlib::HierarchicalNSW<float>>(space.get(), base.rows, m, ef_construction);
    for (size_t i = 0; i < base.rows; i++) index->addPoint(base.row(i), i);
    watch.stop();
    printf("{\"answer\":{\"version\":\"%s\",\"seconds\":%.6f,\"cpu_s\":%.6f,\"bytes\":%lld}}\n", PEER_VERSION, watch.wall,
           watch.cpu, resident_bytes() - before);
  }

  void pass(size_t ef) {
    if (!index) throw std::runtime_error("nothing is built");
    std::vector<long long> ids(size_t(queries.rows) * k, -1);
    index->setEf(ef);
    Watch watch;
    for (size_t i = 0; i < queries.rows; i++) {
      auto found = index->searchKnn(queries.row(i), k);
      for (; !found.empty(); found.pop()) ids[i * k + found.size() - 1] = found.top().second;
    }
    watch.stop();
    printf("{\"answer\":{\"seconds\":%.6f,\"cpu_s\":%.6f,\"ids\":[", watch.wall, watch.cpu);
    for (size_t i = 0; i < ids.size(); i++) printf(i ? ",%lld" : "%lld", ids[i]);
    printf("]}}\n");
  }
};

int main(int argc, char** argv) try {
  if (argc != 8) throw std::runtime_error("seven arguments, not " + std::to_string(argc - 1));
  Bench bench{read_table(argv[1]), read_table(argv[2]), std::stoul(argv[4]), std::stoul(argv[5]), std::stoul(argv[6]), {}, {}};
  if (std::string(argv[3]) == "l2")
    bench.space = std::make_unique<hnswlib::L2Space>(bench.base.dim);
  else
    bench.space = std::make_unique<hnswlib::InnerProductSpace>(bench.base.dim);
  for (size_t ef; std::cin >> ef;) {
    if (ef == 0)
      bench.build();
    else
      bench.pass(ef);
    fflush(stdout);
  }
  return 0;
} catch (const std::exception& e) {
  fprintf(stderr, "%s\n", e.what());
  return 1;
}
