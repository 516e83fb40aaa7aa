// Runs hnswlib for examples/bench, which compiles this file.
//
//   hnswlib BASE.fbin QUERIES.fbin l2|ip M EFCONSTRUCTION K float32 [filters|churn FILE]
//
// A line on standard input is a number: 0 builds the index from all rows, one
// after the other; any other is the ef of one pass over all queries. Each is
// answered by a line of JSON. There is one thread.
//
// With filters, a number below 0 is a pass with its ef negated in which a query
// finds only rows whose bit is set in FILE: for each query a bit for each row, in
// whole bytes, the lowest first.
//
// With churn, 0 takes from FILE the rows that go and those that come: each list
// after its length, 4 bytes a number. The first time the rows that come are what
// the index is built from and all it has room for; later they take the places of
// those that went (allow_replace_deleted).

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

// Lets the rows through whose bit is set.
struct Bits : hnswlib::BaseFilterFunctor {
  const uint8_t* bits = nullptr;
  bool operator()(hnswlib::labeltype row) override { return bits[row >> 3] >> (row & 7) & 1; }
};

static std::vector<uint8_t> read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("no file " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Takes a list after its length off a file.
static std::vector<uint32_t> read_list(std::istream& in) {
  uint32_t length = 0;
  in.read(reinterpret_cast<char*>(&length), 4);
  std::vector<uint32_t> list(in ? length : 0);
  in.read(reinterpret_cast<char*>(list.data()), 4 * list.size());
  if (!in) throw std::runtime_error("the file of changes is too short");
  return list;
}

struct Bench {
  Table base, queries;
  size_t m, ef_construction, k;
  std::string verb, file;
  std::unique_ptr<hnswlib::SpaceInterface<float>> space;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> index;

  void build() {
    long long before = resident_bytes();
    Watch watch;
    index = std::make_unique<hnswlib::HierarchicalNSW<float>>(space.get(), base.rows, m, ef_construction);
    for (size_t i = 0; i < base.rows; i++) index->addPoint(base.row(i), i);
    built(watch, before);
  }

  void change() {
    std::ifstream in(file, std::ios::binary);
    auto gone = read_list(in), fresh = read_list(in);
    for (auto list : {&gone, &fresh})
      for (auto row : *list)
        if (row >= base.rows) throw std::runtime_error("a change of what is no row");
    long long before = resident_bytes();
    Watch watch;
    if (!index) index = std::make_unique<hnswlib::HierarchicalNSW<float>>(space.get(), fresh.size(), m, ef_construction, 100, true);
    for (auto row : gone) index->markDelete(row);
    for (auto row : fresh) index->addPoint(base.row(row), row, true);
    built(watch, before);
  }

  void built(Watch& watch, long long before) {
    watch.stop();
    printf("{\"answer\":{\"version\":\"%s\",\"seconds\":%.6f,\"cpu_s\":%.6f,\"bytes\":%lld}}\n", PEER_VERSION, watch.wall,
           watch.cpu, resident_bytes() - before);
  }

  void pass(size_t ef, bool filtered) {
    if (!index) throw std::runtime_error("nothing is built");
    std::vector<uint8_t> filters;
    size_t width = (base.rows + 7) / 8;
    Bits bits;
    if (filtered && (filters = read_bytes(file)).size() != width * queries.rows) throw std::runtime_error("the file of filters has another size");
    std::vector<long long> ids(size_t(queries.rows) * k, -1);
    index->setEf(ef);
    Watch watch;
    for (size_t i = 0; i < queries.rows; i++) {
      if (filtered) bits.bits = filters.data() + i * width;
      auto found = index->searchKnn(queries.row(i), k, filtered ? &bits : nullptr);
      for (; !found.empty(); found.pop()) ids[i * k + found.size() - 1] = found.top().second;
    }
    watch.stop();
    printf("{\"answer\":{\"seconds\":%.6f,\"cpu_s\":%.6f,\"ids\":[", watch.wall, watch.cpu);
    for (size_t i = 0; i < ids.size(); i++) printf(i ? ",%lld" : "%lld", ids[i]);
    printf("]}}\n");
  }
};

int main(int argc, char** argv) try {
  if (argc != 8 && argc != 10) throw std::runtime_error("seven or nine arguments, not " + std::to_string(argc - 1));
  Bench bench{read_table(argv[1]), read_table(argv[2]), std::stoul(argv[4]), std::stoul(argv[5]), std::stoul(argv[6]), {}, {}, {}, {}};
  if (argc == 10) bench.verb = argv[8], bench.file = argv[9];
  if (std::string(argv[3]) == "l2")
    bench.space = std::make_unique<hnswlib::L2Space>(bench.base.dim);
  else
    bench.space = std::make_unique<hnswlib::InnerProductSpace>(bench.base.dim);
  for (long ef; std::cin >> ef;) {
    if (ef == 0 && bench.verb == "churn")
      bench.change();
    else if (ef == 0)
      bench.build();
    else
      bench.pass(std::labs(ef), ef < 0);
    fflush(stdout);
  }
  return 0;
} catch (const std::exception& e) {
  fprintf(stderr, "%s\n", e.what());
  return 1;
}
