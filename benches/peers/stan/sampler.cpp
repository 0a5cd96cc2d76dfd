// Samples a Stan program as CmdStan does by default: NUTS with a diagonal mass matrix, each chain in a process of its own.
// After the program's own code, which the compiler is told to include before this file.
//
// Usage: sampler DATA.json, with commands on the standard input: `CHAINS CORES WARMUP DRAWS SEED FILE` writes the draws
// of the program's parameters to the file, as numbers of 8 bytes [parameter, chain, draw], and prints the seconds of all,
// those of warm-up and draws summed over chains, the leapfrog steps of both, and the number of divergences.

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <new>
#include <sstream>
#include <string>
#include <vector>
#include <stan/callbacks/interrupt.hpp>
#include <stan/callbacks/logger.hpp>
#include <stan/callbacks/writer.hpp>
#include <stan/io/empty_var_context.hpp>
#include <stan/io/json/json_data.hpp>
#include <stan/services/sample/hmc_nuts_diag_e_adapt.hpp>

using Clock = std::chrono::steady_clock;

static double seconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// The program, with a count of how often its log density is evaluated: the only trace of the leapfrog steps of a warm-up
// whose draws are not written.
struct Counted {
  const stan_model& model;
  mutable long evaluations = 0;

  template <bool propto, bool jacobian, typename T>
  T log_prob(Eigen::Matrix<T, Eigen::Dynamic, 1>& at, std::ostream* out) const {
    ++evaluations;
    return model.template log_prob<propto, jacobian, T>(at, out);
  }
  template <bool propto, bool jacobian, typename T>
  T log_prob(std::vector<T>& at, std::vector<int>& integers, std::ostream* out) const {
    ++evaluations;
    return model.template log_prob<propto, jacobian, T>(at, integers, out);
  }
  template <typename Random>
  void write_array(Random& random, std::vector<double>& at, std::vector<int>& integers, std::vector<double>& values,
                   bool transformed, bool generated, std::ostream* out = nullptr) const {
    model.write_array(random, at, integers, values, transformed, generated, out);
  }
  void transform_inits(const stan::io::var_context& values, std::vector<int>& integers, std::vector<double>& at,
                       std::ostream* out) const {
    model.transform_inits(values, integers, at, out);
  }
  template <typename... Arguments>
  void constrained_param_names(Arguments&&... arguments) const {
    model.constrained_param_names(std::forward<Arguments>(arguments)...);
  }
  template <typename... Arguments>
  void unconstrained_param_names(Arguments&&... arguments) const {
    model.unconstrained_param_names(std::forward<Arguments>(arguments)...);
  }
  template <typename... Arguments>
  void get_param_names(Arguments&&... arguments) const {
    model.get_param_names(std::forward<Arguments>(arguments)...);
  }
  template <typename... Arguments>
  void get_dims(Arguments&&... arguments) const {
    model.get_dims(std::forward<Arguments>(arguments)...);
  }
  size_t num_params_r() const { return model.num_params_r(); }
  std::string model_name() const { return model.model_name(); }
};

// What a chain leaves in memory that all processes share.
struct Chain {
  bool done;
  double warmup_seconds, seconds;
  long warmup_leapfrogs, leapfrogs, divergences;
};

// Called before each transition.
struct Transitions : stan::callbacks::interrupt {
  const Counted& model;
  long before = -1;

  explicit Transitions(const Counted& model) : model(model) {}
  void operator()() override {
    if (before < 0) before = model.evaluations;
  }
};

// Columns of what a sampler writes, before those of the program.
enum { TREE_DEPTH = 3, LEAPFROGS = 4, DIVERGENT = 5, COLUMNS = 7 };

struct Draws : stan::callbacks::writer {
  const Counted& model;
  Chain& chain;
  double* values;
  size_t parameters, draws, stride, row = 0;
  Clock::time_point adapted;
  long evaluations = 0;

  Draws(const Counted& model, Chain& chain, double* values, size_t parameters, size_t draws, size_t stride)
      : model(model), chain(chain), values(values), parameters(parameters), draws(draws), stride(stride) {}

  using writer::operator();
  void operator()(const std::vector<double>& state) override {
    if (row == draws || state.size() < COLUMNS + parameters) return;
    chain.leapfrogs += static_cast<long>(state[LEAPFROGS]);
    chain.divergences += state[DIVERGENT] > 0.5;
    for (size_t i = 0; i < parameters; ++i) values[i * stride + row] = state[COLUMNS + i];
    ++row;
  }
  void operator()(const std::string& message) override {
    if (message != "Adaptation terminated") return;
    adapted = Clock::now();
    evaluations = model.evaluations;
  }
};

static void sample(const stan_model& program, size_t number, int warmup, int draws, unsigned seed, Chain& chain,
                   double* values, size_t parameters, size_t stride) {
  Counted model{program};
  Transitions transitions(model);
  Draws writer(model, chain, values, parameters, draws, stride);
  stan::callbacks::writer unused;
  stan::callbacks::logger silent;
  stan::io::empty_var_context start;
  const auto begin = Clock::now();
  const int code = stan::services::sample::hmc_nuts_diag_e_adapt(
      model, start, seed, number + 1, 2.0, warmup, draws, 1, false, 0, 1.0, 0.0, 10, 0.8, 0.05, 0.75, 10.0, 75, 50, 25,
      transitions, silent, unused, writer, unused);
  const auto end = Clock::now();
  // Each transition evaluates once where it begins, and once a leapfrog step.
  chain.warmup_leapfrogs = writer.evaluations - transitions.before - warmup;
  chain.warmup_seconds = seconds(begin, writer.adapted);
  chain.seconds = seconds(writer.adapted, end);
  const bool counted = model.evaluations - writer.evaluations == chain.leapfrogs + draws;
  chain.done = code == 0 && counted && writer.row == static_cast<size_t>(draws);
}

int main(int count, char** words) {
  if (count != 2) {
    std::cerr << "usage: sampler DATA.json\n";
    return 2;
  }
  std::ifstream file(words[1]);
  stan::json::json_data data(file);
  const stan_model model(data, 0, &std::cerr);
  std::vector<std::string> names;
  model.constrained_param_names(names, false, false);
  const size_t parameters = names.size();

  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream rest(line);
    size_t chains, cores;
    int warmup, draws;
    unsigned seed;
    std::string into;
    rest >> chains >> cores >> warmup >> draws >> seed >> into;
    const size_t stride = chains * draws, numbers = parameters * stride;
    const size_t bytes = sizeof(std::atomic<size_t>) + chains * sizeof(Chain) + numbers * sizeof(double);
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    auto* next = new (memory) std::atomic<size_t>(0);
    auto* all = reinterpret_cast<Chain*>(next + 1);
    auto* values = reinterpret_cast<double*>(all + chains);

    const auto begin = Clock::now();
    for (size_t worker = 0; worker < std::min(chains, cores); ++worker) {
      const pid_t child = fork();
      if (child < 0) return 1;
      if (child > 0) continue;
      for (size_t number = (*next)++; number < chains; number = (*next)++) {
        sample(model, number, warmup, draws, seed, all[number], values + number * draws, parameters, stride);
      }
      _exit(0);
    }
    while (wait(nullptr) > 0) {
    }
    const double total = seconds(begin, Clock::now());

    Chain sum{true, 0.0, 0.0, 0, 0, 0};
    for (size_t number = 0; number < chains; ++number) {
      const Chain& chain = all[number];
      sum.done &= chain.done;
      sum.warmup_seconds += chain.warmup_seconds;
      sum.seconds += chain.seconds;
      sum.warmup_leapfrogs += chain.warmup_leapfrogs;
      sum.leapfrogs += chain.leapfrogs;
      sum.divergences += chain.divergences;
    }
    std::ofstream out(into, std::ios::binary);
    out.write(reinterpret_cast<const char*>(values), numbers * sizeof(double));
    out.close();
    munmap(memory, bytes);
    if (!sum.done || !out) return 1;
    std::printf("%.17g %.17g %.17g %ld %ld %ld %zu\n", total, sum.warmup_seconds, sum.seconds, sum.warmup_leapfrogs,
                sum.leapfrogs, sum.divergences, parameters);
    std::fflush(stdout);
  }
}
