// Evaluates the log density of a Stan program and its gradient on unconstrained space, with the bijections' volumes.
// After the program's own code, which the compiler is told to include before this file.
//
// Usage: driver DATA.json, with commands on the standard input: `at x1 ... xd` sets the point, prints the log density
// and its gradient; `run N` evaluates them N times, prints the seconds that took.

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <stan/io/json/json_data.hpp>
#include <stan/model/log_prob_grad.hpp>

int main(int count, char** words) {
  if (count != 2) {
    std::cerr << "usage: driver DATA.json\n";
    return 2;
  }
  std::ifstream file(words[1]);
  stan::json::json_data data(file);
  stan_model model(data, 0, &std::cerr);
  Eigen::VectorXd at = Eigen::VectorXd::Zero(model.num_params_r());
  Eigen::VectorXd gradient(at.size());
  // Constant terms are dropped, as Stan's samplers do.
  const auto evaluate = [&] {
    return stan::model::log_prob_grad<true, true>(model, at, gradient, &std::cerr);
  };
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream rest(line);
    std::string command;
    rest >> command;
    if (command == "at") {
      for (double& x : at) rest >> x;
      std::printf("%.17g", evaluate());
      for (const double slope : gradient) std::printf(" %.17g", slope);
      std::printf("\n");
    } else {
      long calls = 0;
      rest >> calls;
      double total = 0.0;
      const auto start = std::chrono::steady_clock::now();
      for (long call = 0; call < calls; ++call) total += evaluate();
      const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
      std::printf("%.17g %.17g\n", time.count(), total);
    }
    std::fflush(stdout);
  }
}
