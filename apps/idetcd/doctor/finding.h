// Finding: one thing that `idetcd doctor` looked at, and how it is.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace idetcd::tool {

enum class Verdict { kOk, kWarn, kFail };

struct Finding {
  Verdict verdict = Verdict::kOk;
  std::string what;      // a few words: "etcd http://10.0.0.1:2379"
  std::string text;      // how it is
  std::string remedy{};  // what to do; empty where nothing is to be done
};

using Findings = std::vector<Finding>;

// Prints to stdout: a line for each with its remedy below, and a summary.
void print_findings(std::span<const Finding> findings, bool as_json);

}  // namespace idetcd::tool
