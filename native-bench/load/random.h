// Random choices, made cheaply enough to be taken several times a request.
#pragma once

#include <cmath>
#include <cstdint>

/** xorshift64*: a few cycles a number, good enough to choose resources by. */
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ull + 0x632BE59BD9B4E019ull) {}

  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1Dull;
  }

  /** Uniform in [0, bound), bound > 0. */
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(((next() >> 32) * bound) >> 32); }

  /** Uniform in [0, 1). */
  double fraction() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

/**
 * Zipf-distributed ranks by the method of Gray et al. ("Quickly generating billion-record synthetic databases", 1994),
 * which YCSB uses as well: constant time a number, after one pass to sum the series.
 */
class Zipf {
 public:
  Zipf(uint32_t count, double theta) : count_(count), theta_(theta) {
    for (uint32_t rank = 1; rank <= count; rank += 1) zeta_ += 1.0 / std::pow(rank, theta);
    const double zetaOfTwo = 1.0 + std::pow(0.5, theta);
    alpha_ = 1.0 / (1.0 - theta);
    eta_ = (1.0 - std::pow(2.0 / count, 1.0 - theta)) / (1.0 - zetaOfTwo / zeta_);
  }

  /** A rank in [0, count), 0 the most frequent. */
  uint32_t next(Random& random) const {
    const double u = random.fraction();
    const double uz = u * zeta_;
    if (uz < 1.0) return 0;
    if (uz < 1.0 + std::pow(0.5, theta_)) return count_ > 1 ? 1 : 0;
    const auto rank = static_cast<uint32_t>(count_ * std::pow(eta_ * u - eta_ + 1.0, alpha_));
    return rank < count_ ? rank : count_ - 1;
  }

 private:
  uint32_t count_;
  double theta_;
  double zeta_ = 0;
  double alpha_ = 0;
  double eta_ = 0;
};
